/* sanitizer.c: what the address sanitizer has to be told in every program of ours; nothing in other builds. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PL__ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define PL__ADDRESS_SANITIZER
#endif

#ifdef PL__ADDRESS_SANITIZER
/* It guesses where the thread-local memory of a library that is loaded later lies, from what the C library keeps in
 * front of it, and sometimes guesses wrong: its search for leaks at the end then dies on an address that is none. */
const char *__asan_default_options(void) __attribute__((visibility("default"), used));
const char *__asan_default_options(void) {
    return "intercept_tls_get_addr=0";
}

/* libmosquitto 2.0 keeps what a name resolves to when it is let go of while it connects. Weak: a test may say more. */
const char *__lsan_default_suppressions(void) __attribute__((visibility("default"), used, weak));
const char *__lsan_default_suppressions(void) {
    return "leak:libmosquitto.so\n";
}
#else
typedef int pl__no_sanitizer; /* a file must hold something */
#endif
