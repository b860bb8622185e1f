//! Environments, command lines and settings as they are found in clusters.

use super::*;

fn env(pair: &str) -> Option<&'static str> {
    let (name, value) = pair.split_once('=').unwrap();
    in_env(name, value).map(|secret| secret.what)
}

fn args(words: &[&str]) -> Vec<String> {
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    in_command("args", &words)
        .iter()
        .map(|secret| secret.place.to_string())
        .collect()
}

#[test]
fn variables_that_are_secrets() {
    for pair in [
        "KEYCLOAK_ADMIN_PASSWORD=admin",
        "POSTGRES_PASSWORD=postgres",
        "POSTGRES_PASSWORD=password",
        "MYSQL_ROOT_PASSWORD=example",
        "MYSQL_ROOT_PASSWORD=123456",
        "MYSQL_PWD=hunter2",
        "REDIS_PASSWORD=changeme",
        "RABBITMQ_DEFAULT_PASS=guest",
        "RABBITMQ_ERLANG_COOKIE=mycookie",
        "GF_SECURITY_ADMIN_PASSWORD=prom-operator",
        "MINIO_ROOT_PASSWORD=minio123",
        "MINIO_SECRET_KEY=minio123",
        "ELASTIC_PASSWORD=p@ss/word!",
        "PGPASSWORD=pa$$word",
        "ADMIN_PASSWORD=$ecretWord",
        "JWT_SECRET=supersecret",
        "JWT_SECRET=my-super-secret-jwt",
        "CLIENT_SECRET=0f3a9c1e-77aa-4f1b-9f9a-2f0d7b0c5c11",
        "DJANGO_SECRET_KEY=django-insecure-8f(k2x",
        "SECRET_KEY_BASE=e4d909c290d0fb1ca068ffaddf22cbd0",
        "API_KEY=550e8400-e29b-41d4-a716-446655440000",
        "API_KEY=abc123def456",
        "TWILIO_AUTH_TOKEN=0123456789abcdef0123456789abcdef",
        "ADMIN_TOKEN=supersecrettoken",
        "AWS_SECRET_ACCESS_KEY=/9alrXUtnFEMIK7MDENGbPxRfiCYzRdAqLmT4vKe",
        "SECRET=9f8e7d6c5b4a3928",
        "AWS_CREDENTIALS=Zm9vYmFyYmF6cXV4",
        "ANYTHING=AKIAQ3EGRIOWZ7KXWLQ2",
        "ANYTHING=ghp_aBcD1234eFgH5678iJkL9012mNoP3456qRsT",
        "ANYTHING=glpat-aBcD1234eFgH5678iJkL",
        "ANYTHING=xoxb-123456789012-abcdefABCDEF",
        "ANYTHING=https://hooks.slack.com/services/T0A1B2C3D/B0A1B2C3D/aBcDeFgHiJkLmNoPqRsTuVwX",
        "ANYTHING=sk_live_aBcD1234eFgH5678",
        "ANYTHING=AIzaSyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q",
        "ANYTHING=npm_aBcD1234eFgH5678iJkL9012mNoP3456qRsT",
        "ANYTHING=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "ANYTHING=DefaultEndpointsProtocol=https;AccountName=x;AccountKey=aBcD1234eFgH5678iJkL9012mNoP3456qRsTaBcD1234eFgH5678iJkL9012mNoP3456qRsTuvWxYz12345/+==",
        "ANYTHING=https://x.blob.core.windows.net/c?sv=2022-11-02&sig=aBcD1234eFgH5678iJkL9012mNoP3456qRsTuvWxYz1%3D",
        "ANYTHING=abc8Q~aBcD1234eFgH5678iJkL9012mNoP3456qR",
        "ANYTHING=1234567890:AAaBcD1234eFgH5678iJkL9012mNoP3456q",
        "DATABASE_URL=postgres://postgres:postgres@db:5432/app",
        "BROKER_URL=amqp://guest:guest@rabbit//",
        "REDIS_URL=redis://:hunter2@redis:6379/0",
        "DSN=app:hunter2@tcp(mysql:3306)/app",
        "CONNECTION=Server=db;User Id=sa;Password=Passw0rd;",
        "JDBC_URL=jdbc:postgresql://db/app?user=app&password=hunter2",
        "JAVA_OPTS=-Xmx1g -Dspring.datasource.password=hunter2",
        r#"VCAP_SERVICES={"db":[{"credentials":{"username":"x","password":"hunter2"}}]}"#,
        r#"JAAS=PlainLoginModule required username="x" password="hunter2";"#,
    ] {
        assert!(env(pair).is_some(), "{pair} is a secret");
    }
}

#[test]
fn variables_that_are_none() {
    for pair in [
        "PASSWORD=",
        "POSTGRES_PASSWORD_FILE=/run/secrets/postgres",
        "TOKEN_TTL=3600",
        "TOKEN=3600",
        "TOKEN_EXPIRATION=15m",
        "SESSION_SECRET_ROTATION=30d",
        "AWS_SECRET_NAME=prod/db",
        "AWS_SECRET=prod/db",
        "DB_PASSWORD=secret/data/db#password",
        "DB_PASSWORD=$(DB_PASSWORD_FROM_SECRET)",
        "DB_PASSWORD=${DB_PASSWORD}",
        "DB_PASSWORD=$DB_PASSWORD",
        "DB_PASSWORD={{ .Values.password }}",
        "DB_PASSWORD=<password>",
        "DB_PASSWORD=REPLACE_ME",
        "DB_PASSWORD=YOUR_PASSWORD_HERE",
        "DB_PASSWORD=xxxxxxxx",
        "DB_PASSWORD=********",
        "DB_PASSWORD=/etc/db/password",
        "DB_PASSWORD=vault:secret/data/db#password",
        "DB_PASSWORD=arn:aws:secretsmanager:eu-west-1:123456789012:secret:db",
        "DB_PASSWORD=ENC[AES256_GCM,data:abc,iv:def]",
        "ADMIN_PASSWORD=$2y$10$abcdefghijklmnopqrstuv",
        "BASIC_AUTH_PASSWORD=admin:$apr1$abc$def",
        "ALLOW_EMPTY_PASSWORD=yes",
        "PASSWORD=true",
        "USE_PASSWORD=hunter2",
        "CSRF_TOKEN=false",
        "POSTGRES_HOST_AUTH_METHOD=trust",
        "POSTGRES_INITDB_ARGS=--auth-host=scram-sha-256",
        "PASSWORD_ENCRYPTION=scram-sha-256",
        "PWD=/app",
        "OLDPWD=/root",
        "GOOGLE_APPLICATION_CREDENTIALS=/var/secrets/key.json",
        "CREDENTIALS=same-origin",
        "AWS_WEB_IDENTITY_TOKEN_FILE=/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
        "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "ETCD_INITIAL_CLUSTER_TOKEN=etcd-cluster-k8s",
        "MINIO_ACCESS_KEY=minio",
        "API_KEY=api-key",
        "API_KEY_HEADER=X-Api-Key",
        "API_TOKEN=oauth2-proxy",
        "CLIENT_SECRET=client-secret",
        "IMAGE_PULL_SECRET=regcred",
        "TLS_SECRET=web-tls-7f9c4d",
        "SECRET=web-tls-7f9c4d",
        "MAX_TOKEN=4096",
        "OIDC_TOKEN_URL=https://idp.example.com/token",
        "AUTH_TOKEN=https://idp.example.com/token",
        "TRUSTSTORE_PASSWORD=changeit",
        "LDAP_PASSWORD_ATTRIBUTE=userPassword",
        "DATABASE_URL=postgres://app:$(DB_PASSWORD)@db/app",
        "DATABASE_URL=postgres://app:${DB_PASSWORD}@db/app",
        "DATABASE_URL=postgres://app@db/app",
        "DATABASE_URL=postgres://<user>:<password>@db/app",
        "REPOSITORY=https://git@github.com:22/org/app",
        "REPOSITORY=ssh://git@github.com/org/app",
        "SENTRY_DSN=https://0123456789abcdef0123456789abcdef@o0.ingest.sentry.io/1",
        "IMAGE=registry:5000/app@sha256:7cc4b5aefd1d0cadf8d97d4350462ba51c694ebca145b08d7d41b41acc8db5aa",
        "GIT_COMMIT=7cc4b5aefd1d0cadf8d97d4350462ba51c694ebc",
        "SETTING=9f8e7d6c5b4a3928",
        "JAVA_OPTS=-Xmx1g -Djavax.net.ssl.keyStorePassword=${KEYSTORE_PASSWORD}",
        "PUBLIC_KEY=-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----",
        "KEY_PATTERN=-----BEGIN RSA PRIVATE KEY-----",
        "NO_PROXY=10.0.0.0/8,.svc",
        "STRIPE_PUBLISHABLE_KEY=pk_live_aBcD1234eFgH5678",
    ] {
        assert_eq!(env(pair), None, "{pair} is no secret");
    }
}

#[test]
fn command_lines_with_secrets() {
    for (words, place) in [
        (&["--db-password", "hunter2"][..], "args[1]"),
        (&["--db-password=hunter2"], "args[0]"),
        (&["-password", "hunter2"], "args[1]"),
        (&["--set", "auth.password=hunter2"], "args[1]"),
        (&["--from-literal=password=hunter2"], "args[0]"),
        (&["--client-secret=my-oauth-secret"], "args[0]"),
        (
            &["--cookie-secret=OQINaROshtE9TcZkNAm5Zs2Pv3xaWytBmc5W7sPX7w="],
            "args[0]",
        ),
        (&["--token=0123456789abcdef0123"], "args[0]"),
        (&["redis-server", "--requirepass", "hunter2"], "args[2]"),
        (
            &["-Dspring.datasource.password=hunter2", "-jar", "app.jar"],
            "args[0]",
        ),
        (&["--url", "https://app:hunter2@registry/v2"], "args[1]"),
        (&["sh", "-c", "export DB_PASSWORD=hunter2; exec app"], "args[2]"),
        (&["sh", "-c", "PGPASSWORD='hunter2' psql -h db"], "args[2]"),
        (&["sh", "-c", "mysqladmin ping -uroot -phunter2"], "args[2]"),
        (&["mysqladmin", "ping", "-phunter2"], "args[2]"),
        (&["redis-cli", "-a", "hunter2", "ping"], "args[2]"),
        (&["curl", "-u", "admin:hunter2", "http://localhost"], "args[2]"),
        (
            &["curl", "-H", "X-Api-Key: 9f8e7d6c5b4a3928", "http://localhost"],
            "args[2]",
        ),
        (
            &[
                "sh",
                "-c",
                "curl -H 'Authorization: Bearer 9f8e7d6c5b4a3928' http://localhost",
            ],
            "args[2]",
        ),
        (&["sshpass", "-p", "hunter2", "ssh", "host"], "args[2]"),
        (&["psql", "host=db password=hunter2 dbname=app"], "args[1]"),
    ] {
        assert_eq!(args(words), [place], "{words:?}");
    }
}

#[test]
fn command_lines_without_secrets() {
    for words in [
        &["--tls-private-key-file=/x"][..],
        &["--tls-cert-file", "/x", "--tls-private-key-file", "/y"],
        &["docker", "login", "--username", "x", "--password-stdin"],
        &["--password", "--verbose"],
        &["--password-file", "/x"],
        &["--token-ttl", "3600"],
        &["--initial-cluster-token=etcd-cluster-1"],
        &["--service-account-signing-key-file=/etc/kubernetes/pki/sa.key"],
        &["--bearer-token-file=/var/run/secrets/kubernetes.io/serviceaccount/token"],
        &["--secret-name=web-tls", "--secret-namespace=default"],
        &["--secret=default/web-tls"],
        &["--tls-secret", "web-tls"],
        &["--client-secret=$(CLIENT_SECRET)"],
        &["sh", "-c", "mysqladmin ping -uroot -p$MYSQL_ROOT_PASSWORD"],
        &["sh", "-c", "mysqladmin ping -uroot -p\"${MYSQL_ROOT_PASSWORD}\""],
        &[
            "bash",
            "-ec",
            "PASSWORD=$(cat /run/secrets/x)\nredis-cli -a \"$REDIS_PASSWORD\" ping",
        ],
        &[
            "bash",
            "-ec",
            "password_aux=\"${MYSQL_ROOT_PASSWORD:-}\"\nif [[ -f \"${MYSQL_ROOT_PASSWORD_FILE:-}\" ]]; then\n password_aux=$(cat \"$MYSQL_ROOT_PASSWORD_FILE\")\nfi\nmysqladmin status -uroot -p\"${password_aux}\"",
        ],
        &["sh", "-c", "if [ \"$PASSWORD\" = \"hunter2\" ]; then exit 1; fi"],
        &["curl", "-u", "$USER:$PASSWORD", "http://localhost"],
        &["curl", "-H", "Authorization: Bearer $(TOKEN)", "http://localhost"],
        &["mysql", "-P3306", "-p", "app"],
        &[
            "--authentication-skip-lookup",
            "--requestheader-username-headers=X-Remote-User",
        ],
        &["--proxy_pass=backend"],
        &[
            "--v=2",
            "--leader-elect",
            "--kubeconfig=/etc/kubernetes/scheduler.conf",
        ],
        &[
            "--oidc-client-id=kubernetes",
            "--oidc-issuer-url=https://idp.example.com",
        ],
        &["--encryption-provider-config=/etc/kubernetes/enc.yaml"],
        &["-key", "tls.key", "-cert", "tls.crt"],
    ] {
        assert_eq!(args(words), [""; 0], "{words:?}");
    }
}

#[test]
fn headers() {
    for (name, value) in [
        ("Authorization", "Bearer 9f8e7d6c5b4a3928"),
        ("Authorization", "Basic YWRtaW46YWRtaW4="),
        ("X-Api-Key", "9f8e7d6c5b4a3928"),
        ("PRIVATE-TOKEN", "glpat-aBcD1234eFgH5678iJkL"),
    ] {
        assert!(
            in_header("livenessProbe", name, value).is_some(),
            "{name}: {value}"
        );
    }
    for (name, value) in [
        ("Host", "web"),
        ("Authorization", "Bearer $(TOKEN)"),
        ("Authorization", "Bearer ${TOKEN}"),
        ("X-Forwarded-Proto", "https"),
        ("X-Token-Source", "kubelet"),
    ] {
        assert_eq!(in_header("livenessProbe", name, value), None, "{name}: {value}");
    }
}

#[test]
fn annotations() {
    for (key, value) in [
        ("example.com/password", "hunter2"),
        ("example.com/api-token", "9f8e7d6c5b4a39281706"),
        (
            "kubectl.kubernetes.io/last-applied-configuration",
            r#"{"a":"\nAKIAQ3EGRIOWZ7KXWLQ2"}"#,
        ),
        (
            "openshift.io/token-secret.value",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        ),
    ] {
        assert!(in_annotation(key, value).is_some(), "{key}: {value}");
    }
    for (key, value) in [
        (
            "checksum/secret",
            "0b9f4d1c2e3a5b6c7d8e9f00112233445566778899aabbccddeeff0011223344",
        ),
        ("checksum/secrets", "0b9f4d1c2e3a5b6c7d8e9f0011223344"),
        (
            "example.com/secret",
            "0b9f4d1c2e3a5b6c7d8e9f00112233445566778899aabbccddeeff0011223344",
        ),
        ("vault.hashicorp.com/agent-inject-token", "true"),
        ("vault.hashicorp.com/agent-inject-secret-db", "secret/data/db"),
        ("nginx.ingress.kubernetes.io/auth-secret", "basic-auth"),
        ("nginx.ingress.kubernetes.io/auth-tls-secret", "default/ca"),
        ("kubernetes.io/service-account.name", "builder"),
        ("openshift.io/token-secret.name", "builder-token-x7k2p"),
        ("eks.amazonaws.com/token-expiration", "86400"),
        (
            "kubectl.kubernetes.io/last-applied-configuration",
            r#"{"env":[{"name":"DB_PASSWORD","value":"hunter2"}],"password":"hunter2"}"#,
        ),
        ("kubectl.kubernetes.io/restartedAt", "2026-01-01T00:00:00Z"),
        ("deployment.kubernetes.io/revision", "3"),
        ("cni.projectcalico.org/podIP", "10.0.0.1/32"),
        ("kubernetes.io/config.hash", "0b9f4d1c2e3a5b6c7d8e9f0011223344"),
    ] {
        assert_eq!(in_annotation(key, value), None, "{key}: {value}");
    }
}

const KEY: &str = "-----BEGIN RSA PRIVATE KEY-----
MIIEowIBAAKCAQEAt3y8mT1uLk2v9qWcXzJ5nR7sPfDgHhVbE4oAi6Yx0KdQwC1M
-----END RSA PRIVATE KEY-----";

#[test]
fn config_maps_with_secrets() {
    for (key, value, places) in [
        ("DB_PASSWORD", "hunter2", &["data key DB_PASSWORD"][..]),
        ("admin.password", "hunter2", &["data key admin.password"]),
        ("tls.key", KEY, &["data key tls.key"]),
        (
            "application.properties",
            "spring.datasource.username=app\nspring.datasource.password=hunter2\n",
            &["data key application.properties: spring.datasource.password"],
        ),
        (
            "application.yaml",
            "spring:\n  datasource:\n    password: hunter2\n",
            &["data key application.yaml: password"],
        ),
        (
            "config.json",
            r#"{"db": {"user": "app", "password": "hunter2"}}"#,
            &["data key config.json: password"],
        ),
        (
            "redis.conf",
            "maxmemory 1gb\nrequirepass hunter2\n",
            &["data key redis.conf: requirepass"],
        ),
        (
            "alertmanager.yml",
            "smtp_auth_username: x\nsmtp_auth_password: 'hunter2'\n",
            &["data key alertmanager.yml: smtp_auth_password"],
        ),
        (
            "grafana.ini",
            "[security]\nadmin_user = admin\nadmin_password = admin\nsecret_key = SW2YcwTIb9zpOOhoPsMm\n",
            &[
                "data key grafana.ini: admin_password",
                "data key grafana.ini: secret_key",
            ],
        ),
        (
            ".npmrc",
            "//registry.npmjs.org/:_authToken=npm_aBcD1234eFgH5678iJkL9012mNoP3456qRsT\n",
            &["data key .npmrc"],
        ),
        (
            "server.xml",
            "<Server><password>hunter2</password></Server>",
            &["data key server.xml: password"],
        ),
        (
            "settings.py",
            "DATABASE = {'PASSWORD': 'hunter2'}\n",
            &["data key settings.py: PASSWORD"],
        ),
        (
            "run.sh",
            "export API_TOKEN=9f8e7d6c5b4a39281706\n",
            &["data key run.sh: API_TOKEN"],
        ),
        (
            "leak.txt",
            "# an old one: AKIAQ3EGRIOWZ7KXWLQ2\n",
            &["data key leak.txt"],
        ),
    ] {
        let found: Vec<String> = in_data(key, value)
            .iter()
            .map(|secret| secret.place.to_string())
            .collect();
        assert_eq!(found, places, "{key}: {value}");
    }
}

#[test]
fn config_maps_without_secrets() {
    for (key, value) in [
        (
            "ca.crt",
            "-----BEGIN CERTIFICATE-----\nMIIC5zCCAc+gAwIBAgIBADANBgkqhkiG9w0BAQsFADAVMRMwEQYDVQQDEwprdWJl\n-----END CERTIFICATE-----",
        ),
        (
            "jws-kubeconfig-abcdef",
            "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        ),
        (
            "Corefile",
            ".:53 {\n    errors\n    health {\n       lameduck 5s\n    }\n    kubernetes cluster.local in-addr.arpa ip6.arpa {\n       pods insecure\n       ttl 30\n    }\n}",
        ),
        (
            "nginx.conf",
            "location / {\n  proxy_pass http://backend:8080;\n  fastcgi_pass 127.0.0.1:9000;\n  proxy_set_header X-Api-Key $http_x_api_key;\n}",
        ),
        (
            "kubelet",
            "authentication:\n  webhook:\n    cacheTTL: 0s\n  x509:\n    clientCAFile: /etc/kubernetes/pki/ca.crt\nserverTLSBootstrap: true\n",
        ),
        (
            "kubeconfig",
            "users:\n- name: default-auth\n  user:\n    tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token\n",
        ),
        (
            "grafana.ini",
            "[auth]\n;admin_password = admin\n# password = hunter2\npassword = $__file{/etc/secrets/db}\noauth_auto_login = false\n",
        ),
        (
            "prometheus.yml",
            "basic_auth:\n  username: x\n  password_file: /etc/secrets/x\nbearer_token_file: /var/run/token\nsource_labels: [__meta_kubernetes_secret]\n",
        ),
        (
            "schema.json",
            r#"{"properties": {"password": {"type": "string"}, "token": "string"}}"#,
        ),
        (
            "messages_en.json",
            r#"{"password": "Password", "forgotPassword": "Forgot password?", "enterToken": "Enter the token"}"#,
        ),
        (
            "README.md",
            "password: must have at least eight characters\ntoken: see the documentation\n",
        ),
        (
            "app.py",
            "password = os.environ['DB_PASSWORD']\ntoken = settings.token\npassword=password\nif password == 'x':\n  pass\n",
        ),
        (
            "external-secret.yaml",
            "data:\n- secretKey: db-password\n  remoteRef:\n    key: prod/db\n    property: password\n",
        ),
        (
            "values.yaml",
            "auth:\n  existingSecret: redis\n  existingSecretPasswordKey: redis-password\n  password: \"\"\n  token: null\n",
        ),
        (
            "entrypoint.sh",
            "#!/bin/sh\n: \"${DB_PASSWORD:=hunter2}\"\nexport PGPASSWORD=\"$(cat /run/secrets/pg)\"\nTOKEN=$1\n",
        ),
        (
            "oauth2.cfg",
            "response_type = token\ntoken_type = bearer\ngrant_type: client_credentials\n",
        ),
        (
            "dashboard.json",
            r#"{"uid": "9f8e7d6c5b4a3928", "targets": [{"expr": "sum(rate(etcd_request_token_total[5m])) by (key)"}]}"#,
        ),
        (
            "example.txt",
            "# postgres://user:password@host/db\nurl: postgres://user:$PASSWORD@host/db\n",
        ),
        (
            "log4j2.xml",
            "<property name=\"pattern\">%d{ISO8601} %p %c: %m%n</property>",
        ),
        (
            "verify.sh",
            "grep -q -- '-----BEGIN RSA PRIVATE KEY-----' /tls/tls.key\n",
        ),
        (
            "users.acl",
            "user default on #0b9f4d1c2e3a5b6c7d8e9f00112233445566778899aabbccddeeff0011223344 ~* +@all\n",
        ),
    ] {
        assert_eq!(in_data(key, value), [], "{key}: {value}");
    }
}

#[test]
fn any_text_is_read_without_a_fault() {
    for text in [
        "",
        "=",
        ":",
        "://",
        "é=ü:ö://ä@",
        "-----BEGIN ",
        "a://ü:ß@",
        "<>",
        "</",
        "\"",
        "'=\"",
        "sig=",
        "eyJ..",
        "Q~",
        "\\",
    ] {
        in_env("PASSWORD", text);
        in_data("key", text);
        in_annotation("a/b", text);
        in_header("p", "Authorization", text);
        in_command("args", &[text.to_owned(), format!("x {text} '"), "$(".to_owned()]);
    }
}

/// Each of these takes very long if something reads to the end of the text from every position.
#[test]
fn hostile_text_takes_no_longer_than_other_text() {
    for piece in [
        "a=b;",
        "a:b,",
        "password=",
        "a://b:c",
        "a://b:c@",
        "<a",
        "<password>",
        "-----BEGIN ",
        "eyJ-",
        "eyJa.",
        "xoxb-",
        "@tcp(",
        "1",
        "a=\"",
        "a='",
        " =",
        "$(",
        "x --a=b ",
        "Q~",
        "sig=",
        "AccountKey=",
    ] {
        let text = piece.repeat(40_000 / piece.len());
        in_data("app.conf", &text);
        in_annotation("example.com/note", &text);
        in_env("SETTING", &text);
        in_command("args", &["sh".to_owned(), "-c".to_owned(), text]);
    }
}

#[test]
fn a_long_web_token_is_one() {
    let token = format!(
        "eyJhbGciOiJSUzI1NiJ9.eyJ{}.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "aBcD1234".repeat(500)
    );
    assert_eq!(in_env("X", &token).unwrap().what, "a JSON Web Token");
}

#[test]
fn one_entry_gives_a_bounded_number_of_findings() {
    let lines: Vec<String> = (0..1000).map(|n| format!("db{n}.password=hunter2")).collect();
    assert_eq!(in_data("app.conf", &lines.join("\n")).len(), MOST);
}
