//! `auth login` and what it saves: profiles, their permissions, switching, logging out.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::scene::{NOBODY, Scene, refusal, text};
use crate::support::Ended;

fn profiles(scene: &Scene) -> std::path::PathBuf {
    scene.home().join(".config/keyledger/profiles.toml")
}

/// Runs a command without KEYLEDGER_KEY and KEYLEDGER_URL: the profile gives both.
fn saved(scene: &Scene, arguments: &[&str]) -> Ended {
    Ended::of(scene.anonymous(arguments).env_remove("KEYLEDGER_URL").output().unwrap())
}

fn login(scene: &Scene, more: &[&str]) -> Ended {
    let file = scene.file("key", scene.key());
    let line = [&["auth", "login", "--key-file", &file, "--url", scene.server.url()], more].concat();
    saved(scene, &line)
}

#[test]
fn a_login_is_saved_for_its_owner_alone_and_used() {
    let scene = Scene::new();
    let ended = saved(&scene, &["whoami"]);
    assert_eq!(ended.code, 3);
    assert!(ended.err.contains("hint: log in: keyledger auth login --url URL"), "{}", ended.err);

    let ended = login(&scene, &[]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    let tenant = scene.deployment.id("tenant_id");
    let user = scene.deployment.id("user_id");
    let expected =
        format!("Logged in to {} as user {user}, administrator in tenant {tenant}\n", scene.server.url());
    assert_eq!(ended.out, expected);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&profiles(&scene)), 0o600);
    assert_eq!(mode(profiles(&scene).parent().unwrap()), 0o700);

    assert_eq!(saved(&scene, &["whoami"]).code, 0);
    let status = saved(&scene, &["auth", "status", "-o", "json"]).json();
    assert_eq!(
        (text(&status, "profile"), text(&status, "url")),
        ("default".into(), scene.server.url().into())
    );
    assert!(saved(&scene, &["auth", "status"]).out.contains("key from  profile default\n"));

    let out = saved(&scene, &["auth", "logout"]);
    assert_eq!(out.out, "Logged out: profile default is forgotten\n");
    assert_eq!(saved(&scene, &["whoami", "-o", "json"]).error().0, "CREDENTIAL_MISSING");
    assert_eq!(saved(&scene, &["auth", "logout"]).code, 0, "once more is no error");
    let named = saved(&scene, &["auth", "logout", "--profile", "other", "-o", "json"]);
    assert_eq!((named.code, named.error().0.as_str()), (3, "PROFILE_UNKNOWN"));
}

/// A script whose own variable is not set must not go on as whoever has logged in.
#[test]
fn an_empty_variable_is_no_leave_to_use_the_saved_key() {
    let scene = Scene::new();
    assert_eq!(login(&scene, &[]).code, 0);
    let with = |variable: &str, arguments: &[&str]| {
        let mut command = scene.anonymous(&[arguments, &["-o", "json"]].concat());
        Ended::of(command.env_remove("KEYLEDGER_URL").env(variable, "").output().unwrap())
    };
    for variable in ["KEYLEDGER_KEY", "KEYLEDGER_KEY_FILE"] {
        for command in ["whoami", "token"] {
            let ended = with(variable, &[command]);
            assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{variable} {command}");
            let (code, message) = ended.error();
            assert_eq!(code, "CREDENTIAL_EMPTY");
            assert_eq!(message, format!("there is no key in {variable}: it is empty"));
        }
        assert_eq!(with(variable, &["whoami", "--profile", "default"]).code, 0, "whoever names one means it");
    }
}

#[test]
fn a_key_that_is_not_accepted_is_not_saved() {
    let scene = Scene::new();
    let made = scene.done(&["auth", "create-key", "-n", "x"]);
    scene.done(&["key", "revoke", &text(&made, "id")]);
    let file = scene.file("revoked", &text(&made, "key"));
    let ended = saved(&scene, &["auth", "login", "--key-file", &file, "--url", scene.server.url()]);
    assert_eq!((ended.code, ended.out.as_str()), (3, ""));
    let hint = "hint: ask an administrator for a new key, then: keyledger auth login\n";
    assert_eq!(ended.err, format!("error: this key was revoked; ask for a new one\n{hint}"));
    assert!(!profiles(&scene).exists());
}

#[test]
fn profiles_that_others_can_read_are_refused_until_that_is_mended() {
    let scene = Scene::new();
    assert_eq!(login(&scene, &[]).code, 0);
    fs::set_permissions(profiles(&scene), fs::Permissions::from_mode(0o644)).unwrap();
    let ended = saved(&scene, &["whoami"]);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""));
    assert!(ended.err.contains("its mode is 644") && ended.err.contains("hint: chmod 600 "), "{}", ended.err);
    assert!(!ended.err.contains(scene.key()));
    assert_eq!(login(&scene, &["-o", "json"]).error().0, "PROFILE_EXPOSED");
    fs::set_permissions(profiles(&scene), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(saved(&scene, &["whoami"]).code, 0);

    fs::write(profiles(&scene), format!("[profiles.default]\nkey = {}\n", scene.key())).unwrap();
    let ended = saved(&scene, &["whoami"]);
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("in line 2") && !ended.err.contains(scene.key()), "{}", ended.err);
}

#[test]
fn a_saved_key_is_sent_to_its_own_server_only() {
    let scene = Scene::new();
    assert_eq!(login(&scene, &[]).code, 0);
    let elsewhere = "http://127.0.0.1:9";
    let ended = saved(&scene, &["whoami", "--url", elsewhere, "-o", "json"]);
    assert_eq!((ended.code, ended.error().0.as_str()), (2, "OTHER_URL"));
    let ended = Ended::of(scene.anonymous(&["whoami"]).env("KEYLEDGER_URL", elsewhere).output().unwrap());
    assert_eq!(ended.code, 2, "{}", ended.err);
    // A profile named on the command line is meant as a whole.
    let line = ["whoami", "--profile", "default"];
    let mut command = scene.anonymous(&line);
    command.env("KEYLEDGER_URL", elsewhere).env("KEYLEDGER_KEY", "klu_other");
    assert_eq!(Ended::of(command.output().unwrap()).code, 0);
    let unknown = saved(&scene, &["whoami", "--profile", "prod", "-o", "json"]);
    assert_eq!((unknown.code, unknown.error().0.as_str()), (3, "PROFILE_UNKNOWN"));
    let mut command = scene.anonymous(&["whoami"]);
    assert_eq!(Ended::of(command.env("KEYLEDGER_PROFILE", "prod").output().unwrap()).code, 3);
}

#[test]
fn profiles_stand_beside_each_other_and_may_live_elsewhere() {
    let scene = Scene::new();
    let config = scene.deployment.folder.path().join("config");
    let run = |arguments: &[&str]| {
        let mut command = scene.anonymous(arguments);
        Ended::of(command.env_remove("KEYLEDGER_URL").env("XDG_CONFIG_HOME", &config).output().unwrap())
    };
    let file = scene.file("key", scene.key());
    for profile in ["one", "two"] {
        let url = scene.server.url();
        let ended = run(&["auth", "login", "--profile", profile, "--url", url, "--key-file", &file]);
        assert_eq!(ended.code, 0, "{}", ended.err);
    }
    assert!(config.join("keyledger/profiles.toml").exists() && !profiles(&scene).exists());
    assert_eq!(run(&["auth", "logout", "--profile", "one"]).code, 0);
    assert_eq!(run(&["whoami", "--profile", "two"]).code, 0);
    assert_eq!(run(&["whoami"]).code, 3);
}

#[test]
fn a_tenant_is_switched_to_and_remembered() {
    let scene = Scene::new();
    scene.done(&["tenant", "create", "second", "--admin", "ada@example.com"]);
    assert_eq!(login(&scene, &[]).code, 0);
    let acme = scene.deployment.id("tenant_id").to_owned();
    let tenants = saved(&scene, &["auth", "list-tenants"]).out;
    assert!(tenants.lines().any(|line| line.contains(&acme) && line.ends_with('*')), "{tenants}");

    let tenant_now = || text(&saved(&scene, &["whoami", "-o", "json"]).json(), "tenant_id");
    assert_eq!(saved(&scene, &["auth", "switch-tenant", "second"]).code, 0);
    let second = tenant_now();
    assert_ne!(second, acme);
    assert_eq!(text(&saved(&scene, &["whoami", "--tenant", "acme", "-o", "json"]).json(), "tenant_id"), acme);
    assert_eq!(saved(&scene, &["auth", "switch-tenants", "--slug", "acme"]).code, 0);
    assert_eq!(tenant_now(), acme);
    assert_eq!(saved(&scene, &["auth", "switch-tenants", "--id", &second]).code, 0);
    assert_eq!(tenant_now(), second);
    for (tenant, exit, code) in [("nowhere", 5, "NOT_FOUND"), (NOBODY, 3, "NOT_A_MEMBER")] {
        let ended = saved(&scene, &["auth", "switch-tenant", tenant, "-o", "json"]);
        assert_eq!((ended.code, ended.error().0.as_str()), (exit, code));
    }
    assert_eq!(tenant_now(), second, "a tenant that is refused is not saved");
    assert_eq!(saved(&scene, &["auth", "switch-tenant", "--default"]).code, 0);
    assert_eq!(tenant_now(), acme);
    assert_eq!(saved(&scene, &["auth", "switch-tenant"]).code, 2);
    assert_eq!(scene.refused(&["auth", "switch-tenant", "acme"]), refusal(2, "NO_PROFILE"));
}

/// `script` gives a command a terminal; what is typed comes from a pipe.
fn on_a_terminal(scene: &Scene, line: &str, typed: &str) -> (i32, String) {
    let binary = env!("CARGO_BIN_EXE_keyledger");
    let mut command = Command::new("script");
    command.args(["-q", "-e", "-c", &format!("'{binary}' {line}"), "/dev/null"]);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("TERM", "dumb").env("HOME", scene.home());
    command.env("KEYLEDGER_URL", scene.server.url()).stdin(Stdio::piped()).stdout(Stdio::piped());
    if !line.starts_with("auth login") {
        command.env("KEYLEDGER_KEY", scene.key());
    }
    let mut child = command.spawn().expect("util-linux has script");
    let mut input = child.stdin.take().unwrap();
    // Not before it is asked for: `script` would pass an early line on with echo.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    std::io::Write::write_all(&mut input, typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(input);
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn on_a_terminal_the_key_is_asked_for_without_echo() {
    let scene = Scene::new();
    let (code, screen) = on_a_terminal(&scene, "auth login", &format!("{}\n", scene.key()));
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("Key (not shown): ") && screen.contains("Logged in to "), "{screen}");
    assert!(!screen.contains(scene.key()), "{screen}");
    assert_eq!(saved(&scene, &["whoami"]).code, 0);
}

#[test]
fn on_a_terminal_what_cannot_be_undone_is_asked_first() {
    let scene = Scene::new();
    let there = || scene.done(&["service-account", "list"]).as_array().unwrap().len();
    scene.done(&["service-account", "create", "etl"]);
    let (code, screen) = on_a_terminal(&scene, "service-account remove etl", "n\n");
    assert_eq!((code, there()), (1, 1), "{screen}");
    assert!(
        screen.contains("This cannot be undone. Go on? [y/N]") && screen.contains("nothing was done"),
        "{screen}"
    );
    let (code, screen) = on_a_terminal(&scene, "service-account remove etl", "y\n");
    assert_eq!((code, there()), (0, 0), "{screen}");
    scene.done(&["service-account", "create", "etl"]);
    let (code, screen) = on_a_terminal(&scene, "service-account remove etl --yes", "");
    assert_eq!((code, there()), (0, 0), "{screen}");
    assert!(!screen.contains("[y/N]"), "{screen}");
}

/// `auth login --import`
#[test]
fn a_key_is_imported_from_where_older_clients_have_it() {
    let scene = Scene::new();
    let import = |set: &[(&str, &str)]| {
        let mut command = scene.anonymous(&["auth", "login", "--import", "-o", "json"]);
        Ended::of(command.envs(set.iter().copied()).output().unwrap())
    };
    let nothing = import(&[("PREFECT__CLOUD__API_KEY", " ")]);
    assert_eq!((nothing.code, nothing.error().0.as_str()), (3, "CREDENTIAL_MISSING"));
    for place in ["PREFECT__CLOUD__API_KEY", "PREFECT__CLOUD__AGENT__AUTH_TOKEN", "config.toml"] {
        assert!(nothing.err.contains(place), "{}", nothing.err);
    }
    let key = scene.key();
    for name in ["PREFECT__CLOUD__API_KEY", "PREFECT__CLOUD__AGENT__AUTH_TOKEN"] {
        assert_eq!(import(&[(name, key)]).code, 0, "{name}");
    }
    let first = [("PREFECT__CLOUD__API_KEY", key), ("PREFECT__CLOUD__AGENT__AUTH_TOKEN", "unknown")];
    assert_eq!(import(&first).code, 0, "the first that is there is taken");

    let old = scene.home().join(".prefect");
    fs::create_dir_all(&old).unwrap();
    let config = old.join("config.toml");
    fs::write(&config, format!("backend = \"cloud\"\n[cloud.agent]\nauth_token = {key}\n")).unwrap();
    let unquoted = import(&[]);
    assert_eq!(unquoted.error().0, "KEY_FILE_UNREADABLE");
    assert!(unquoted.err.contains("a key needs quotes") && !unquoted.err.contains(key), "{}", unquoted.err);
    fs::write(&config, "[cloud]\napi = \"http://127.0.0.1:1\"\n").unwrap();
    assert_eq!(import(&[]).error().0, "CREDENTIAL_MISSING");
    fs::write(&config, format!("[cloud.agent]\nauth_token = \"{key}\"\n")).unwrap();
    assert_eq!(import(&[]).code, 0);
    assert_eq!(saved(&scene, &["whoami"]).code, 0, "it is in the profile now");
    fs::rename(&config, old.join("other.toml")).unwrap();
    let elsewhere = [("PREFECT__USER_CONFIG_PATH", "~/.prefect/other.toml")];
    assert_eq!(import(&elsewhere).code, 0, "a tilde that no shell replaced is one's own home");
    fs::rename(old.join("other.toml"), &config).unwrap();
    let shown = Ended::of(scene.anonymous(&["auth", "login", "--import"]).output().unwrap());
    assert!(shown.err.contains("[cloud.agent] auth_token of") && !shown.err.contains(key), "{}", shown.err);
}
