#include "outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
/* cmocka wants the headers above */
#include <cmocka.h>

static void put(struct pl_outlet *outlet, const char *text) {
    char *at = pl_outlet_space(outlet, strlen(text));
    assert_non_null(at);
    memcpy(at, text, strlen(text));
    pl_outlet_put(outlet, strlen(text));
}

/* All that can be read now, as text. */
static const char *received(int fd) {
    static char text[1 << 16];
    ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
    text[n > 0 ? n : 0] = 0;
    return text;
}

static void make_pair(int ends[2]) {
    int size = 4096;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

static void bytes_go_out_in_order(void **state) {
    (void)state;
    int ends[2];
    struct pl_outlet outlet;
    make_pair(ends);
    assert_true(pl_outlet_init(&outlet, 16));
    put(&outlet, "one\n");
    assert_int_equal(pl_outlet_flush(&outlet), PL_OUTLET_WAIT); /* nowhere to go yet */
    put(&outlet, "two\n");
    assert_int_equal(pl_outlet_waiting(&outlet), 8);
    outlet.fd = ends[0];
    assert_int_equal(pl_outlet_flush(&outlet), PL_OUTLET_EMPTY);
    assert_string_equal(received(ends[1]), "one\ntwo\n");
    put(&outlet, "twelve chars");
    assert_null(pl_outlet_space(&outlet, 5));
    assert_int_equal(pl_outlet_flush(&outlet), PL_OUTLET_EMPTY);
    assert_non_null(pl_outlet_space(&outlet, 1000)); /* an empty outlet takes any row */
    assert_int_equal(outlet.written, 20);
    pl_outlet_fini(&outlet);
    close(ends[0]);
    close(ends[1]);
}

/* A connection breaks within a line: another one gets that line whole, and nothing twice but what broke. */
static void a_broken_line_goes_again(void **state) {
    (void)state;
    int ends[2];
    struct pl_outlet outlet;
    make_pair(ends);
    assert_true(pl_outlet_init(&outlet, 64 << 10));
    outlet.fd = ends[0];
    char line[32];
    int put_lines = 0;
    while (pl_outlet_waiting(&outlet) < 40000) {
        snprintf(line, sizeof(line), "line number %d\n", put_lines++);
        put(&outlet, line);
    }
    assert_int_equal(pl_outlet_flush(&outlet), PL_OUTLET_WAIT);
    static char got[64 << 10];
    size_t have = strlen(strcpy(got, received(ends[1])));
    close(ends[1]);
    assert_int_equal(pl_outlet_flush(&outlet), PL_OUTLET_BROKEN);
    assert_true(outlet.error == EPIPE || outlet.error == ECONNRESET);
    close(ends[0]);

    make_pair(ends);
    outlet.fd = ends[0];
    pl_outlet_rewind(&outlet);
    char *whole = memrchr(got, '\n', have);
    assert_non_null(whole);
    have = (size_t)(whole + 1 - got);
    while (pl_outlet_flush(&outlet) == PL_OUTLET_WAIT)
        have += strlen(strcpy(got + have, received(ends[1])));
    strcpy(got + have, received(ends[1]));
    const char *at = got;
    int first = 0;
    for (int i = 0; i < put_lines; i++, at = strchr(at, '\n') + 1) {
        int number = -1;
        assert_int_equal(sscanf(at, "line number %d\n", &number), 1);
        if (number != i && !first) { /* what the kernel had taken and the dead peer never read is gone */
            first = number;
            i = number;
        }
        assert_int_equal(number, i);
    }
    assert_string_equal(at, "");
    pl_outlet_fini(&outlet);
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_out_in_order),
        cmocka_unit_test(a_broken_line_goes_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
