/* Whose certificates the wall takes for the host that was named (RFC 6125), by a server of OpenSSL. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <uv.h>

#include "link.h"
#include "wall.h"

static const char HOST[] = "mqtt.plant.example";
static const uint8_t CONNACK[] = {0x20, 2, 0, 0};
enum { A_DAY = 86400, PATIENCE = 60 };

static X509 *certificate_of(EVP_PKEY *key, const char *name) {
    char names[64];
    snprintf(names, sizeof names, "DNS:%s", name);
    X509 *certificate = X509_new();
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    assert_non_null(certificate);
    assert_non_null(extension);
    X509_set_version(certificate, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -A_DAY);
    X509_gmtime_adj(X509_getm_notAfter(certificate), A_DAY);
    X509_set_pubkey(certificate, key);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

struct server {
    int listener;
    SSL_CTX *context;
};

/* One connection: says CONNACK when they have come to terms, and waits for the other end to leave. */
static void *serve(void *user) {
    struct server *server = user;
    char rest[64];
    int fd = accept(server->listener, NULL, NULL);
    SSL *ssl = SSL_new(server->context);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1 && SSL_write(ssl, CONNACK, sizeof CONNACK) > 0) {
        while (SSL_read(ssl, rest, sizeof rest) > 0) {
        }
    }
    SSL_free(ssl);
    close(fd);
    return NULL;
}

static int connected_to(int listener) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    assert_false(getsockname(listener, (struct sockaddr *)&address, &size));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_false(connect(fd, (struct sockaddr *)&address, size));
    return fd;
}

static void out_of_time(uv_timer_t *timer) {
    (void)timer;
    abort();
}

/* What libmosquitto would read: > 0 bytes of the server, 0 an end. */
static ssize_t first_read(uv_loop_t *loop, int fd) {
    uint8_t bytes[16];
    ssize_t count;
    while ((count = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) < 0)
        uv_run(loop, UV_RUN_ONCE);
    return count;
}

static void close_handle(uv_handle_t *handle, void *user) {
    (void)user;
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

/* "": it was taken; else why not. */
static void take(const char *name, char why[160]) {
    char path[] = "/tmp/potline-wall-XXXXXX";
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = certificate_of(key, name);
    FILE *file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    PEM_write_X509(file, certificate);
    fclose(file);
    struct server server = {.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
                            .context = SSL_CTX_new(TLS_server_method())};
    SSL_CTX_use_certificate(server.context, certificate);
    SSL_CTX_use_PrivateKey(server.context, key);
    assert_false(listen(server.listener, 1)); /* on any port */
    pthread_t thread;
    assert_false(pthread_create(&thread, NULL, serve, &server));

    uv_loop_t loop;
    uv_timer_t timer;
    uv_loop_init(&loop);
    uv_timer_init(&loop, &timer);
    uv_timer_start(&timer, out_of_time, PATIENCE * 1000, 0);
    const struct pl_mqtt_tls tls = {.ca = path, .certificate = "", .key = "", .key_password = ""};
    SSL_CTX *context = pl_wall_tls(&tls, NULL);
    assert_non_null(context);
    int fd = connected_to(server.listener);
    struct pl_wall_setup setup = {.loop = &loop, .fd = fd, .tls = context, .host = HOST};
    struct pl_wall *wall = pl_wall_new(&setup);
    assert_non_null(wall);
    ssize_t count = first_read(&loop, fd);
    snprintf(why, 160, "%s", pl_wall_why(wall));
    assert_int_equal(count > 0, !*why);
    pl_wall_free(wall);
    close(fd);
    pthread_join(thread, NULL);
    uv_walk(&loop, close_handle, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_false(uv_loop_close(&loop));
    SSL_CTX_free(context);
    SSL_CTX_free(server.context);
    close(server.listener);
    X509_free(certificate);
    EVP_PKEY_free(key);
    unlink(path);
}

static void a_certificate_is_of_its_host(void **state) {
    static const struct {
        const char *name;
        bool good;
    } cases[] = {{"mqtt.plant.example", true},   {"*.plant.example", true},    {"MQTT.plant.EXAMPLE", true},
                 {"other.plant.example", false}, {"*.example", false},         {"plant.example", false},
                 {"m*.plant.example", false},    {"*tt.plant.example", false}, {"m*t.plant.example", false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[160];
        take(cases[i].name, why);
        if (cases[i].good)
            assert_string_equal(why, "");
        else
            assert_string_equal(why, "the TLS handshake failed: hostname mismatch");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_certificate_is_of_its_host)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
