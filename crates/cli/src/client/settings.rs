//! Where the server is and which key is shown to it: flags first, then the environment, then a profile.

use std::ffi::OsString;
use std::path::PathBuf;

use super::ClientArgs;
use super::credential::Credential;
use super::error::ClientError;
use super::names::TenantName;
use super::profile::{Profile, ProfileName, Profiles};
use super::server_url::ServerUrl;
use crate::args::MalformedValue;
use crate::error::CliError;
use crate::usage::UsageError;

/// What a command talks to, and as whom.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server.
    pub url: ServerUrl,
    /// What is shown to it.
    pub credential: Credential,
    /// Where the credential came from, for people.
    pub source: String,
    /// The profile that it came from.
    pub profile: Option<ProfileName>,
    /// The tenant to act in; none: the credential's own.
    pub tenant: Option<TenantName>,
}

/// What the environment says.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    url: Option<ServerUrl>,
    key: Option<Credential>,
    key_file: Option<PathBuf>,
    /// The variable that should give a key, and gives an empty text.
    empty: Option<&'static str>,
    profile: Option<ProfileName>,
    tenant: Option<TenantName>,
}

impl Environment {
    /// Reads it. An empty variable is as good as none, but where a key should be: a script whose own variable is not
    /// set must not go on as whoever has logged in.
    pub fn read() -> Result<Self, CliError> {
        Self::of(|name| std::env::var_os(name))
    }

    fn of(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, CliError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &'static str| {
            set(name)
                .map(|value| value.into_string().map_err(|_| malformed(name, "it is not UTF-8")))
                .transpose()
        };
        fn parsed<T>(
            name: &'static str,
            text: Option<String>,
            parse: fn(&str) -> Result<T, MalformedValue>,
        ) -> Result<Option<T>, CliError> {
            text.map(|text| parse(&text).map_err(|error| malformed(name, error.0))).transpose()
        }
        let key = text("KEYLEDGER_KEY")?.map(zeroize::Zeroizing::new);
        Ok(Self {
            url: parsed("KEYLEDGER_URL", text("KEYLEDGER_URL")?, ServerUrl::parse)?,
            key: key.map(|key| Credential::parse(&key, "KEYLEDGER_KEY")).transpose()?,
            key_file: set("KEYLEDGER_KEY_FILE").map(PathBuf::from),
            empty: ["KEYLEDGER_KEY", "KEYLEDGER_KEY_FILE"]
                .into_iter()
                .find(|name| variable(name).is_some_and(|value| value.is_empty())),
            profile: parsed("KEYLEDGER_PROFILE", text("KEYLEDGER_PROFILE")?, ProfileName::parse)?,
            tenant: parsed("KEYLEDGER_TENANT", text("KEYLEDGER_TENANT")?, TenantName::parse)?,
        })
    }

    /// The key that it gives, and the variable that does.
    pub fn credential(&self) -> Result<Option<(Credential, String)>, ClientError> {
        match (&self.key, &self.key_file) {
            (Some(_), Some(_)) => Err(ClientError::TwoCredentials),
            (Some(key), None) => Ok(Some((key.clone(), "KEYLEDGER_KEY".to_owned()))),
            (None, Some(path)) => {
                let source = format!("KEYLEDGER_KEY_FILE ({})", path.display());
                Ok(Some((Credential::from_file(path)?, source)))
            }
            (None, None) => match self.empty {
                Some(name) => Err(ClientError::CredentialEmpty { from: name.to_owned() }),
                None => Ok(None),
            },
        }
    }

    /// The server that it names.
    pub fn url(&self) -> Option<&ServerUrl> {
        self.url.as_ref()
    }

    /// The tenant that is meant: by flag, or by variable.
    pub fn tenant(&self, flag: Option<&TenantName>) -> Option<TenantName> {
        flag.or(self.tenant.as_ref()).cloned()
    }

    /// The profile that is meant: by flag, by variable, or else `default`.
    pub fn profile_name(&self, flag: Option<&ProfileName>) -> ProfileName {
        flag.or(self.profile.as_ref()).cloned().unwrap_or_default()
    }
}

impl Settings {
    /// What the command line, the environment and the profiles amount to.
    pub fn of(args: &ClientArgs) -> Result<Self, CliError> {
        Self::resolve(args, &Environment::read()?)
    }

    fn resolve(args: &ClientArgs, environment: &Environment) -> Result<Self, CliError> {
        let name = environment.profile_name(args.profile.as_ref());
        let given = Self::given_credential(args, environment)?;
        // A profile named on the command line is meant as a whole, whatever the environment says.
        let asked = args.url.as_ref().or(environment.url.as_ref().filter(|_| args.profile.is_none()));
        // One that is not needed is not read, so that nothing about it stands in the way.
        let needed = args.profile.is_some() || given.is_none() || asked.is_none();
        let profile = if needed { Self::profile(&name)? } else { None };
        let named = args.profile.is_some() || environment.profile.is_some() && given.is_none();
        if named && profile.is_none() {
            return Err(ClientError::ProfileUnknown {
                profile: name,
                path: Profiles::own()?.path().to_owned(),
            }
            .into());
        }
        let tenant = environment.tenant(args.tenant.as_ref());
        if let Some((credential, source)) = given {
            let url = asked.cloned().or(profile.map(|profile| profile.url)).ok_or(ClientError::NoUrl)?;
            return Ok(Self { url, credential, source, profile: None, tenant });
        }
        let Some(Profile { url: saved, key, tenant: switched }) = profile else {
            return Err(ClientError::NoCredential.into());
        };
        if let Some(asked) = asked.filter(|asked| **asked != saved) {
            return Err(ClientError::OtherUrl { profile: name, saved, asked: asked.clone() }.into());
        }
        let tenant = tenant.or(switched.map(TenantName::Id));
        let source = format!("profile {name}");
        Ok(Self { url: saved, credential: key, source, profile: Some(name), tenant })
    }

    /// The key that the command line or the environment gives, and where it comes from.
    fn given_credential(
        args: &ClientArgs,
        environment: &Environment,
    ) -> Result<Option<(Credential, String)>, ClientError> {
        match (&args.key_file, &args.profile) {
            (Some(path), _) => {
                let source = format!("--key-file {}", path.display());
                Ok(Some((Credential::from_file(path)?, source)))
            }
            (None, Some(_)) => Ok(None),
            (None, None) => environment.credential(),
        }
    }

    /// Without a home there are no profiles, and that is no error as long as nothing needs one.
    fn profile(name: &ProfileName) -> Result<Option<Profile>, ClientError> {
        match Profiles::own() {
            Ok(profiles) => profiles.get(name),
            Err(ClientError::NoHome) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn malformed(variable: &'static str, why: &str) -> CliError {
    UsageError { code: "VALUE_INVALID", message: format!("{variable}: {why}"), hint: None }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_is_none_but_for_a_key_and_a_malformed_one_is_named() {
        let environment = Environment::of(|_| Some(OsString::new())).unwrap();
        assert!(environment.url.is_none() && environment.key.is_none() && environment.key_file.is_none());
        let error = environment.credential().unwrap_err();
        assert_eq!(
            (error.code(), error.to_string().as_str()),
            ("CREDENTIAL_EMPTY", "there is no key in KEYLEDGER_KEY: it is empty")
        );
        for (name, value) in [
            ("KEYLEDGER_URL", "x"),
            ("KEYLEDGER_PROFILE", "a b"),
            ("KEYLEDGER_KEY", "a b"),
            ("KEYLEDGER_TENANT", "A B"),
        ] {
            let error = Environment::of(|asked| (asked == name).then(|| value.into())).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
