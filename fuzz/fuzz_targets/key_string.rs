//! libFuzzer's way into `keyledger_tests::fuzz`: key_string.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| keyledger_tests::fuzz::run("key_string", bytes));
