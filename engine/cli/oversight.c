#include "oversight.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <potline/diag.h>

static const char following[] = "it is a standby, and follows", anew[] = "the engine is made anew, or ends";
static const char usual[] = "127.0.0.1:8443", in_the_clear[] = "http://", encrypted[] = "https://";

static bool complain(const char *option, enum pl_code code, struct pl_error **error, int *exit_code) {
    *exit_code = code == PL_USAGE ? PL_EXIT_USAGE : PL_EXIT_FAILED;
    fprintf(stderr, "potline run: --%s: ", option);
    if (*error)
        pl_error_print(stderr, *error);
    else
        fprintf(stderr, "%s\n", pl_code_text(code));
    pl_error_free(error);
    return false;
}

static const char *asked_for(const struct pl_oversight *oversight) {
    const char *asked = pl_cli_get(oversight->cli, "http"), *environment = getenv("POTLINE_HTTP");
    return asked || !environment || !*environment ? asked : environment;
}

static bool is_off(const char *asked) {
    return asked && strcmp(asked, "off") == 0;
}

static enum pl_code make_server(struct pl_oversight *oversight, struct pl_error **error) {
    unsigned connections = is_off(asked_for(oversight)) ? PL_HTTP_WATCHERS : PL_HTTP_CONNECTIONS;
    enum pl_code code = oversight->server ? PL_OK : pl_http_new(connections, &oversight->server, error);
    if (!code && !oversight->monitor) code = pl_monitor_new(&oversight->monitor, error);
    return code;
}

bool pl_oversight_init(struct pl_oversight *oversight, const struct pl_cli *cli, int *exit_code) {
    const char *address = pl_cli_get(cli, "metrics");
    struct pl_error *error = NULL;
    int port;
    oversight->cli = cli;
    pl_service_init(&oversight->service);
    if (!address) return true;
    enum pl_code code = make_server(oversight, &error);
    if (!code) code = pl_monitor_listen(oversight->monitor, oversight->server, address, &port, &error);
    if (code) return complain("metrics", code, &error, exit_code);
    pl_diag(PL_INFO, "metrics: http, port %d: /metrics, /healthz, /readyz", port);
    return true;
}

/* ---- HTTPS ---- */

static const char *shared_files(const struct pl_cli *cli, char path[PATH_MAX]) {
    const char *given = pl_cli_get(cli, "http-files"), *share = getenv("POTLINE_SHARE");
    if (given || !share) return given;
    int length = snprintf(path, PATH_MAX, "%s/dashboard", share);
    return length < PATH_MAX && access(path, R_OK | X_OK) == 0 ? path : NULL;
}

static enum pl_code make_rest(struct pl_oversight *oversight, struct pl_error **error) {
    static char path[PATH_MAX]; /* outlives the options */
    const struct pl_cli *cli = oversight->cli;
    enum pl_code code = make_server(oversight, error);
    struct pl_rest_options options = {.server = oversight->server,
                                      .monitor = oversight->monitor,
                                      .files = shared_files(cli, path),
                                      .issuer = pl_cli_get(cli, "oidc-issuer"),
                                      .audience = pl_cli_get(cli, "oidc-audience"),
                                      .jwks = pl_cli_get(cli, "oidc-jwks"),
                                      .ca = pl_cli_get(cli, "oidc-ca"),
                                      .log = pl_cli_get(cli, "http-log"),
                                      .role_claim = pl_cli_get(cli, "oidc-role-claim")};
    return code ? code : pl_rest_new(&options, &oversight->rest, error);
}

static enum pl_code find_identity(struct pl_oversight *oversight, const char *folder, struct pl_error **error) {
    const char *certificate = pl_cli_get(oversight->cli, "http-certificate");
    const char *key = pl_cli_get(oversight->cli, "http-key");
    if (!certificate != !key) return pl_error_set(error, PL_USAGE, "a certificate and its key belong together");
    if (certificate) return pl_identity_read(certificate, key, &oversight->identity, error);
    return pl_identity_own(folder, oversight->key, &oversight->identity, error);
}

/* What a browser on this machine is given: an address for all of them is none. */
static void tell_dashboard(const struct pl_oversight *oversight, const char *address, int port, bool clear) {
    char path[PATH_MAX];
    const char *colon = strrchr(address, ':');
    int length = colon ? (int)(colon - address) : 0;
    bool every = length == 0 || strncmp(address, "0.0.0.0", (size_t)length) == 0 ||
                 strncmp(address, "[::]", (size_t)length) == 0;
    if (!shared_files(oversight->cli, path)) return;
    pl_diag(PL_INFO, "%s: the dashboard is at %s%.*s:%d/; sign in there with a user of this data folder (potline user)",
            clear ? "http" : "https", clear ? in_the_clear : encrypted, every ? 9 : length,
            every ? "localhost" : address, port);
}

static void tell(const struct pl_oversight *oversight, const char *address, int port, bool clear, const char *folder) {
    pl_diag(PL_INFO, "%s: port %d: REST at /industrial-automation/smelting-ops/v1, its document at /openapi.json",
            clear ? "http" : "https", port);
    if (!clear && !pl_http_is_loopback(address) && !pl_cli_get(oversight->cli, "http-certificate"))
        pl_diag(PL_WARN,
                "https: others cannot know the certificate, it is this engine's own; --http-certificate gives one");
    if (clear || pl_cli_get(oversight->cli, "http-certificate")) return;
    if (folder)
        pl_diag(PL_INFO, "https: the certificate %s for this machine: %s/tls/cert.pem",
                oversight->identity.made ? "was made just now" : "that was made", folder);
    else
        pl_diag(PL_INFO, "https: a certificate was made for this machine, for this run");
}

static enum pl_code listen_at(struct pl_oversight *oversight, const char *address, const char *folder, bool *taken,
                              struct pl_error **error) {
    bool clear = strncmp(address, in_the_clear, strlen(in_the_clear)) == 0;
    int port;
    if (clear) address += strlen(in_the_clear);
    if (strncmp(address, encrypted, strlen(encrypted)) == 0) address += strlen(encrypted);
    enum pl_code code = make_rest(oversight, error);
    if (!code && !clear) code = find_identity(oversight, folder, error);
    if (code) return code;
    code = pl_rest_listen(oversight->rest, address, clear ? NULL : &oversight->identity, &port, error);
    *taken = code == PL_BUSY;
    if (!code) tell(oversight, address, port, clear, folder);
    if (!code) tell_dashboard(oversight, address, port, clear);
    return code;
}

static void drop_rest(struct pl_oversight *oversight) {
    pl_rest_end(oversight->rest);
    pl_http_on_tick(oversight->server, NULL, NULL);
    pl_rest_free(oversight->rest);
    oversight->rest = NULL;
}

/* What was asked for ends the run when it cannot be; what is only usual does not. */
static bool serve_rest(struct pl_oversight *oversight, const char *folder, bool temporary, int *exit_code) {
    const char *asked = asked_for(oversight);
    struct pl_error *error = NULL;
    bool taken = false;
    if (asked ? is_off(asked) : !folder || temporary) return true;
    enum pl_code code = folder ? listen_at(oversight, asked ? asked : usual, temporary ? NULL : folder, &taken, &error)
                               : pl_error_set(&error, PL_USAGE, "it needs a data folder, where users are kept");
    if (!code) return true;
    if (asked || !taken) return complain("http", code, &error, exit_code);
    pl_diag(PL_WARN, "https: %s is in use, so there is none; --http ADDRESS:PORT gives it another one", usual);
    pl_error_free(&error);
    drop_rest(oversight);
    return true;
}

bool pl_oversight_serve(struct pl_oversight *oversight, const char *folder, const struct pl_store_key *key,
                        bool temporary, int *exit_code) {
    struct pl_error *error = NULL;
    oversight->key = key;
    if (!serve_rest(oversight, folder, temporary, exit_code)) return false;
    enum pl_code code = oversight->server ? pl_http_start(oversight->server, &error) : PL_OK;
    return !code || complain("http", code, &error, exit_code);
}

void pl_oversight_fini(struct pl_oversight *oversight) {
    pl_rest_end(oversight->rest);
    pl_http_free(oversight->server);
    pl_rest_free(oversight->rest);
    pl_monitor_free(oversight->monitor);
    pl_identity_fini(&oversight->identity);
    pl_service_fini(&oversight->service);
}

void pl_oversight_attach(struct pl_oversight *oversight, struct pl_engine *engine, struct pl_control *control) {
    pl_rest_show(oversight->rest, engine, control);
}

void pl_oversight_follows(struct pl_oversight *oversight) {
    pl_service_follows(&oversight->service);
    pl_monitor_show(oversight->monitor, NULL, following);
}

void pl_oversight_took_over(struct pl_oversight *oversight) {
    pl_service_took_over(&oversight->service);
    pl_monitor_show(oversight->monitor, NULL, "it is being started");
}

void pl_oversight_begin(struct pl_oversight *oversight, struct pl_drive *drive) {
    if (oversight->monitor || pl_service_is_there(&oversight->service))
        drive->pace = pl_service_pace(&oversight->service);
}

void pl_oversight_graph(struct pl_oversight *oversight, struct pl_mover *mover) {
    pl_monitor_graph(oversight->monitor, mover);
}

void pl_oversight_hide(struct pl_oversight *oversight) {
    pl_rest_show(oversight->rest, NULL, NULL);
    pl_monitor_show(oversight->monitor, NULL, anew);
}

void pl_oversight_end(struct pl_oversight *oversight, bool good) {
    pl_service_ends(&oversight->service, good);
}

void pl_oversight_beat(struct pl_oversight *oversight, struct pl_drive *drive) {
    struct pl_service *service = &oversight->service;
    struct pl_health health;
    if (drive->engine) {
        pl_engine_hold_wiring(drive->engine);
        pl_engine_pulse(drive->engine);
        pl_engine_release_wiring(drive->engine);
        pl_monitor_show(oversight->monitor, drive->engine, anew);
    }
    drive->pace = pl_service_pace(service);
    if (!pl_service_is_there(service)) return;
    if (drive->engine) pl_engine_hold_wiring(drive->engine);
    if (drive->engine) pl_health_look(drive->engine, &health);
    pl_service_beat(service, drive->engine ? &health : NULL);
    if (drive->engine) pl_engine_release_wiring(drive->engine);
    if (drive->stopping) pl_service_ends(service, false);
}
