//! Authentication: who calls the API.

pub mod meaningless_service_account_names;
pub mod shared_user_accounts;
