use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use rackpoll_model::{AuthProtocol, Fault, FaultKind, PrivProtocol, SnmpCredential, SnmpSecurity, SnmpUser};

use super::poll::secret;

/// Options that say with what an SNMP agent is asked: a community, or a user of SNMPv3.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("snmp-login").args(["community_env", "community_file", "v3_user"]).required(true)))]
pub(super) struct SnmpLogin {
    /// Environment variable that holds the community
    #[arg(long, value_name = "VAR")]
    community_env: Option<String>,
    /// File that holds the community; a newline at its end does not count
    #[arg(long, value_name = "FILE")]
    community_file: Option<PathBuf>,
    /// Version that a community is for
    #[arg(long, value_name = "VERSION", default_value = "2c", conflicts_with = "v3_user")]
    snmp_version: CommunityVersion,
    /// User of SNMPv3; without more, of security level noAuthNoPriv
    #[arg(long, value_name = "USER")]
    v3_user: Option<String>,
    /// MD5, SHA, SHA-224, SHA-256, SHA-384 or SHA-512
    #[arg(long, value_name = "PROTOCOL", requires = "v3_user", requires = "v3-auth-secret")]
    v3_auth_proto: Option<AuthProtocol>,
    /// Environment variable that holds the authentication password
    #[arg(long, value_name = "VAR", requires = "v3_auth_proto", group = "v3-auth-secret")]
    v3_auth_env: Option<String>,
    /// File that holds the authentication password
    #[arg(long, value_name = "FILE", requires = "v3_auth_proto", group = "v3-auth-secret")]
    v3_auth_file: Option<PathBuf>,
    /// DES, AES, AES-192, AES-256, or AES-192-C and AES-256-C for Cisco's keys
    #[arg(long, value_name = "PROTOCOL", requires = "v3_auth_proto", requires = "v3-priv-secret")]
    v3_priv_proto: Option<PrivProtocol>,
    /// Environment variable that holds the privacy password
    #[arg(long, value_name = "VAR", requires = "v3_priv_proto", group = "v3-priv-secret")]
    v3_priv_env: Option<String>,
    /// File that holds the privacy password
    #[arg(long, value_name = "FILE", requires = "v3_priv_proto", group = "v3-priv-secret")]
    v3_priv_file: Option<PathBuf>,
    /// Context of SNMPv3
    #[arg(long, value_name = "NAME", requires = "v3_user", default_value = "", hide_default_value = true)]
    v3_context: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CommunityVersion {
    #[value(name = "1")]
    One,
    #[value(name = "2c")]
    TwoC,
}

impl SnmpLogin {
    pub(super) fn credential(self) -> Result<SnmpCredential, Fault> {
        let Some(name) = self.v3_user else {
            let community = secret("community", self.community_env, self.community_file)?;
            return Ok(match self.snmp_version {
                CommunityVersion::One => SnmpCredential::V1(community),
                CommunityVersion::TwoC => SnmpCredential::V2c(community),
            });
        };
        let auth = match self.v3_auth_proto {
            Some(protocol) => Some((protocol, secret("v3-auth", self.v3_auth_env, self.v3_auth_file)?)),
            None => None,
        };
        let security = match (auth, self.v3_priv_proto) {
            (None, _) => SnmpSecurity::None,
            (Some((protocol, password)), None) => SnmpSecurity::Auth(protocol, password),
            (Some(auth), Some(protocol)) => {
                let password = secret("v3-priv", self.v3_priv_env, self.v3_priv_file)?;
                SnmpSecurity::AuthPriv(auth, (protocol, password))
            }
        };
        let user = SnmpUser { name, security, context: self.v3_context };
        match user.wrong() {
            Some(wrong) => Err(Fault::new(FaultKind::MalformedCommand, wrong)),
            None => Ok(SnmpCredential::V3(user)),
        }
    }
}
