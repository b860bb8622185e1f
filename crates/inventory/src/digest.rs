//! The digest that ties an approval to a waiver as it reads.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256 over the canonical JSON (RFC 8785) of a waiver's spec, as 64 hexadecimal digits.
///
/// The spec is taken as the API server returns it, not as our types read it: a field that a later version knows
/// and this one does not is part of what was approved. The order of fields and the way numbers and strings are
/// written do not matter; the order of lists does, since a server keeps it.
pub fn spec_digest(spec: &Value) -> String {
    sha256(&canonical(spec))
}

/// SHA-256 of bytes, as 64 hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a String takes everything");
            hex
        })
}

/// The canonical form of a document.
fn canonical(value: &Value) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value)
        .expect("a Value has string keys and finite numbers only, which is all that RFC 8785 asks for")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical_of(json: &str) -> String {
        let value: Value = serde_json::from_str(json).expect("the document is JSON");
        String::from_utf8(canonical(&value)).expect("JSON is UTF-8")
    }

    /// RFC 8785, section 3.2.2 and 3.2.3: numbers, strings and literals.
    #[test]
    fn the_sample_of_the_rfc() {
        let json = r#"{
            "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
            "literals": [null, true, false]
        }"#;
        let expected = r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
        assert_eq!(canonical_of(json), expected);
        // The same octets, as section 3.2.4 prints them.
        let octets = "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b3333333333333333332e333333333333332c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d";
        assert_eq!(hex(canonical_of(json).as_bytes()), octets);
    }

    /// RFC 8785, section 3.2.3: keys are sorted by UTF-16 code units, which is neither the order of UTF-8 nor of
    /// code points: the emoji comes before the Hebrew presentation form.
    #[test]
    fn the_sorting_of_the_rfc() {
        let json = r#"{
            "\u20ac": "Euro Sign",
            "\r": "Carriage Return",
            "\ufb33": "Hebrew Letter Dalet With Dagesh",
            "1": "One",
            "\ud83d\ude00": "Emoji: Grinning Face",
            "\u0080": "Control",
            "\u00f6": "Latin Small Letter O With Diaeresis"
        }"#;
        let expected = "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\
            \"\u{f6}\":\"Latin Small Letter O With Diaeresis\",\"\u{20ac}\":\"Euro Sign\",\
            \"\u{1f600}\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}";
        assert_eq!(canonical_of(json), expected);
    }

    /// RFC 8785, appendix B: bit patterns and how they are written.
    #[test]
    fn the_numbers_of_the_rfc() {
        for (bits, expected) in [
            (0x0000_0000_0000_0000, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"),
            (0x41b3_de43_5555_5556, "333333333.3333334"),
            (0x41b3_de43_5555_5557, "333333333.33333343"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
        ] {
            let value = serde_json::json!(f64::from_bits(bits));
            let canonical = String::from_utf8(canonical(&value)).expect("JSON is UTF-8");
            assert_eq!(canonical, expected, "{bits:016x}");
        }
    }

    /// FIPS 180-2, appendix B.1, and the empty message.
    #[test]
    fn the_samples_of_sha_256() {
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(
            sha256(b""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn the_order_of_fields_does_not_matter_and_everything_else_does() {
        let spec = |json: &str| spec_digest(&serde_json::from_str(json).expect("the spec is JSON"));
        let digest =
            spec(r#"{"items":["WL-04","WL-05"],"reason":"legacy","expires":"2027-01-01T00:00:00Z"}"#);
        assert_eq!(digest.len(), 64);
        assert_eq!(
            digest,
            spec(
                r#"{ "expires":"2027-01-01T00:00:00Z", "reason":"\u006cegacy", "items":["WL-04","WL-05"] }"#
            )
        );
        for other in [
            r#"{"items":["WL-05","WL-04"],"reason":"legacy","expires":"2027-01-01T00:00:00Z"}"#,
            r#"{"items":["WL-04","WL-05"],"reason":"legacy","expires":"2027-01-02T00:00:00Z"}"#,
            r#"{"items":["WL-04","WL-05"],"reason":"Legacy","expires":"2027-01-01T00:00:00Z"}"#,
            r#"{"items":["WL-04","WL-05"],"reason":"legacy","expires":"2027-01-01T00:00:00Z","added":"later"}"#,
            r#"{"items":["WL-04","WL-05"],"reason":"legacy","expires":"2027-01-01T00:00:00Z","scope":{}}"#,
        ] {
            assert_ne!(digest, spec(other), "{other}");
        }
    }
}
