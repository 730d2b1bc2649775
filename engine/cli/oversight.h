/* oversight.h: who watches over a run from outside: whoever reads its pages over HTTP (--metrics), whoever works with
 * it over HTTPS (--http), and systemd. */
#ifndef POTLINE_CLI_OVERSIGHT_H
#define POTLINE_CLI_OVERSIGHT_H

#include "cli.h"
#include "drive.h"
#include "http/monitor.h"
#include "http/rest.h"
#include "service.h"

#define PL_CLI_METRICS                                                                                                 \
    { "metrics", "ADDRESS:PORT", "Show metrics and health over HTTP, as 127.0.0.1:9464 (:9464 is the same).", 0 }

#define PL_CLI_HTTP                                                                                                    \
    {"http", "ADDRESS:PORT",                                                                                           \
     "Serve dashboard and REST there over HTTPS, or off (default: POTLINE_HTTP, or 127.0.0.1:8443 if it is free, for " \
     "a data folder that stays; http://127.0.0.1:PORT: in the clear).",                                                \
     0},                                                                                                               \
        {"http-certificate", "FILE", "The certificate of --http, as PEM, instead of one made for this machine.", 0},   \
        {"http-key", "FILE", "And its key.", 0},                                                                       \
        {"http-files", "DIR", "The files of the dashboard (default: those that come with potline).", 0},               \
        {"http-log", "FILE", "Write a line of JSON for each request there (16 MiB, then FILE.1 to FILE.4).", 0},       \
        {"oidc-issuer", "URL", "Take tokens of this issuer too; with --oidc-jwks.", 0},                                \
        {"oidc-jwks", "FILE|URL", "The keys of that issuer (JWKS): RS256 and ES256; a URL is asked again.", 0},        \
        {"oidc-ca", "FILE", "Certificates that the host of that URL may have (default: the system's).", 0},            \
        {"oidc-audience", "NAME", "What those tokens have to be for (default: potline-api).", 0}, {                    \
        "oidc-role-claim", "NAME", "Their claim that is the role (default: potline_role).", 0                          \
    }

struct pl_oversight {
    const struct pl_cli *cli;
    struct pl_http_server *server; /* NULL: nothing is to be seen */
    struct pl_monitor *monitor;
    struct pl_rest *rest;
    struct pl_identity_files identity;
    const struct pl_store_key *key; /* of the data folder */
    struct pl_service service;
};

/* False after saying what is wrong; *exit_code says it too. pl_oversight_fini in any case. */
bool pl_oversight_init(struct pl_oversight *oversight, const struct pl_cli *cli, int *exit_code);
/* The data folder is known; NULL: there is none. So is its key, where it is encrypted. From here on pages are there. */
bool pl_oversight_serve(struct pl_oversight *oversight, const char *folder, const struct pl_store_key *key,
                        bool temporary, int *exit_code);
void pl_oversight_fini(struct pl_oversight *oversight);

/* Around the following of a standby. */
void pl_oversight_follows(struct pl_oversight *oversight);
void pl_oversight_took_over(struct pl_oversight *oversight);

/* Before the first work of a drive: it is to beat for us. */
void pl_oversight_begin(struct pl_oversight *oversight, struct pl_drive *drive);
/* Who changes the graph meanwhile; NULL: nobody does any more. */
void pl_oversight_graph(struct pl_oversight *oversight, struct pl_mover *mover);
/* An engine that takes commands. */
void pl_oversight_attach(struct pl_oversight *oversight, struct pl_engine *engine, struct pl_control *control);
/* Before an engine's end: it is not looked at any more. */
void pl_oversight_hide(struct pl_oversight *oversight);
/* Behind the last one. */
void pl_oversight_end(struct pl_oversight *oversight, bool good);
/* For the drive's beat: shows the engine that is at work. */
void pl_oversight_beat(struct pl_oversight *oversight, struct pl_drive *drive);

#endif
