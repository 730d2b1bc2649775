#include <errno.h>
#include <fcntl.h>
#include <potline/diag.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants the headers above */
#include <cmocka.h>

#include "base/message.h"

static FILE *caught;
static int real_stderr;
static char said[1 << 16];

/* Sends standard error into a file until hear(). */
static void listen(void) {
    caught = tmpfile();
    fflush(stderr);
    real_stderr = dup(STDERR_FILENO);
    dup2(fileno(caught), STDERR_FILENO);
}

static const char *hear(void) {
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    rewind(caught);
    said[fread(said, 1, sizeof said - 1, caught)] = '\0';
    fclose(caught);
    return said;
}

static unsigned lines_in(const char *text) {
    unsigned lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static void a_message_reaches_stderr(void **state) {
    (void)state;
    listen();
    errno = ENOENT;
    pl_diag(PL_WARN, "pot %d is %s", 7, "hot");
    int kept = errno;
    const char *text = hear();
    assert_int_equal(ENOENT, kept);
    assert_non_null(strstr(text, "Z warn pot 7 is hot\n"));
    assert_null(strchr(text, '\033')); /* a file is no terminal */
}

/* A full disk under the log of messages: the message is lost, the program goes on. */
static void nowhere_to_speak_is_no_reason_to_stop(void **state) {
    (void)state;
    listen();
    int full = open("/dev/full", O_WRONLY);
    dup2(full, STDERR_FILENO);
    close(full);
    pl_diag(PL_WARN, "lost");
    assert_string_equal("", hear());
}

static void levels_below_are_silent(void **state) {
    (void)state;
    listen();
    pl_diag(PL_DEBUG, "not by default");
    pl_diag_setup(PL_ERROR, false);
    pl_diag(PL_WARN, "not now");
    pl_diag(PL_ERROR, "always");
    pl_diag_setup(PL_DEBUG, true);
    pl_diag(PL_DEBUG, "as %s", "JSON");
    pl_diag_setup(PL_INFO, false);
    const char *text = hear();
    assert_null(strstr(text, "not"));
    assert_int_equal(2, lines_in(text));
    assert_non_null(strstr(text, "\"level\":\"debug\",\"text\":\"as JSON\"}\n"));
}

static void a_place_speaks_once_a_second(void **state) {
    (void)state;
    struct pl_diag_site site = {.next = 0}, other = {.next = 0};
    listen();
    for (unsigned i = 0; i < 100; i++)
        pl_diag_write(&site, NULL, PL_INFO, "first %u", i);
    pl_diag_write(&other, NULL, PL_INFO, "another place");
    site.next = 1; /* a second later */
    pl_diag_write(&site, NULL, PL_INFO, "second");
    site.next = 1;
    pl_diag_write(&site, NULL, PL_INFO, "third");
    const char *text = hear();
    assert_int_equal(4, lines_in(text));
    assert_non_null(strstr(text, "first 0\n"));
    assert_non_null(strstr(text, "another place\n"));
    assert_non_null(strstr(text, "second (and 99 more like this one)\n"));
    assert_non_null(strstr(text, "third\n"));
}

static void a_long_message_is_cut_at_a_character(void **state) {
    (void)state;
    static char word[3 * PL__MESSAGE_MAX + 1];
    for (unsigned i = 0; i < PL__MESSAGE_MAX; i++)
        memcpy(word + 3 * i, "\xe2\x82\xac", 3);
    listen();
    pl_diag(PL_INFO, "%s", word);
    const char *text = hear();
    size_t length = strlen(text);
    assert_in_range(length, PL__MESSAGE_MAX, PL__MESSAGE_MAX + 40);
    assert_true(pl_utf8_check(text, length));
    assert_string_equal("\xe2\x82\xac...\n", text + length - 7);
}

enum { THREADS = 4, CALLS = 500 };

static void *call_often(void *site) {
    for (unsigned i = 0; i < CALLS; i++)
        pl_diag_write(site, NULL, PL_INFO, "from a thread");
    return NULL;
}

/* Every call is either a whole line or counted. */
static void threads_share_a_place(void **state) {
    (void)state;
    struct pl_diag_site site = {.next = 0};
    pthread_t threads[THREADS];
    listen();
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(0, pthread_create(&threads[i], NULL, call_often, &site));
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    site.next = 1;
    pl_diag_write(&site, NULL, PL_INFO, "from a thread");
    const char *text = hear();
    unsigned lines = 0, left_out = 0;
    for (const char *at = text; (at = strstr(at, "from a thread")); lines++) {
        at += strlen("from a thread");
        if (*at == ' ') left_out += (unsigned)strtoul(at + strlen(" (and "), NULL, 10);
    }
    assert_int_equal(lines_in(text), lines);
    assert_int_equal(THREADS * CALLS + 1, lines + left_out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_reaches_stderr),
        cmocka_unit_test(levels_below_are_silent),
        cmocka_unit_test(nowhere_to_speak_is_no_reason_to_stop),
        cmocka_unit_test(a_place_speaks_once_a_second),
        cmocka_unit_test(a_long_message_is_cut_at_a_character),
        cmocka_unit_test(threads_share_a_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
