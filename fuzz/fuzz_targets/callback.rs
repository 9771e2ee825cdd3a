//! libFuzzer's way into `keyledger_tests::fuzz`: callback.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| keyledger_tests::fuzz::run("callback", bytes));
