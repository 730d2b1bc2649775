/* api_v1.c: the interface, version 1: a row a route. */
#include "http/rest_impl.h"

#define PATH(name_, argument_, doc_, example_)                                                                         \
    {                                                                                                                  \
        .name = (name_), .place = PL_REST_PATH, .required = true, .argument = (argument_), .doc = (doc_),              \
        .example = (example_)                                                                                          \
    }
#define QUERY(name_, type_, argument_, doc_, example_)                                                                 \
    {                                                                                                                  \
        .name = (name_), .place = PL_REST_QUERY, .type = (type_), .argument = (argument_), .doc = (doc_),              \
        .example = (example_)                                                                                          \
    }
#define BODY(name_, type_, required_, argument_, doc_, example_)                                                       \
    {                                                                                                                  \
        .name = (name_), .place = PL_REST_BODY, .type = (type_), .required = (required_), .argument = (argument_),     \
        .longest = 4096, .doc = (doc_), .example = (example_)                                                          \
    }
#define END                                                                                                            \
    { .name = NULL }
#define FIELDS static const struct pl_rest_field

#define WHY "Why: it goes into the audit."
#define REASON BODY("reason", PL_REST_TEXT, true, "reason", WHY, "\"seen to on site\"")
#define MAYBE_REASON BODY("reason", PL_REST_TEXT, false, "reason", WHY, "\"seen to on site\"")

/* ---- What is given ---- */

static const char *const priorities[] = {"any", "critical", "high", "medium", "low", NULL};
static const char *const states[] = {"attention",
                                     "all",
                                     "normal",
                                     "unacknowledged",
                                     "acknowledged",
                                     "returned",
                                     "latched-unacknowledged",
                                     "latched-acknowledged",
                                     "shelved",
                                     "suppressed",
                                     "out-of-service",
                                     NULL};
static const char *const modes[] = {"manual", "advise", "approve", "auto", NULL};
static const char *const drawings[] = {"mermaid", "dot", "json", NULL};
static const char *const zones[] = {"silver", "gold", "dead", NULL};
static const char *const kept_zones[] = {"silver", "gold", NULL};
static const char *const periods[] = {"hour", "shift", "day", NULL};
static const char *const roles[] = {"operator", "engineer", "manager", "executive", "admin", NULL};

FIELDS sensors_list[] = {QUERY("tags", PL_REST_TEXT, "tags", "A pattern of names.", "line1.*"), END};
FIELDS sensors_get[] = {PATH("tag", "tags", "The tag.", "line1.pot01.voltage"), END};

#define RANGE_FIELDS                                                                                                   \
    QUERY("from", PL_REST_TIME, NULL, "Not before.", "2026-11-23T06:00:00Z"),                                          \
        QUERY("to", PL_REST_TIME, NULL, "Before.", "2262-01-01T00:00:00Z"),                                            \
        QUERY("node", PL_REST_TEXT, NULL, "Only what this node has written.", "kept"), {                               \
        .name = "zone", .place = PL_REST_QUERY, .choices = zones, .doc = "Of this zone.", .example = "silver"          \
    }
FIELDS sensors_samples[] = {PATH("tag", NULL, "The tag.", "line1.pot01.voltage"), RANGE_FIELDS, END};
#define AT QUERY("at", PL_REST_TIME, NULL, "As it was then.", "2026-11-23T06:00:00Z")
FIELDS readings_list[] = {
    QUERY("tags", PL_REST_TEXT, NULL, "A pattern of names.", "line1.*"),
    AT,
    QUERY("within", PL_REST_SPAN, NULL, "Not older than this at that time, 366d at most: 10m.", "10m"),
    {.name = "zone", .place = PL_REST_QUERY, .choices = kept_zones, .doc = "Of this zone.", .example = "silver"},
    END};
FIELDS sensors_trend[] = {PATH("tag", NULL, "The tag.", "line1.pot01.voltage"),
                          {.name = "from",
                           .place = PL_REST_QUERY,
                           .type = PL_REST_TIME,
                           .required = true,
                           .doc = "Not before.",
                           .example = "2026-11-23T06:00:00Z"},
                          {.name = "to",
                           .place = PL_REST_QUERY,
                           .type = PL_REST_TIME,
                           .required = true,
                           .doc = "Before.",
                           .example = "2026-11-30T06:00:00Z"},
                          {.name = "points",
                           .place = PL_REST_QUERY,
                           .type = PL_REST_WHOLE,
                           .low = 1,
                           .high = 2000,
                           .doc = "Parts of the range: 600.",
                           .example = "600"},
                          {.name = "zone",
                           .place = PL_REST_QUERY,
                           .choices = kept_zones,
                           .doc =
                               "Of samples in this zone: silver, and of long ranges windows. Gold has what a twin and "
                               "key figures tell.",
                           .example = "silver"},
                          END};
#define SIZE QUERY("size", PL_REST_SPAN, NULL, "Only windows of this length.", "1m")
FIELDS windows_list[] = {QUERY("tag", PL_REST_TEXT, NULL, "A pattern of tags or assets.", "line1.*"), SIZE,
                         RANGE_FIELDS, END};
FIELDS windows_get[] = {PATH("tag", NULL, "The tag or asset.", "line1.pot01.voltage"), SIZE, RANGE_FIELDS, END};
FIELDS profiles_list[] = {QUERY("asset", PL_REST_TEXT, NULL, "A pattern of assets.", "line1.*"), RANGE_FIELDS, END};
FIELDS events_list[] = {QUERY("tag", PL_REST_TEXT, NULL, "A pattern of assets.", "line1.*"),
                        QUERY("kind", PL_REST_TEXT, NULL, "A pattern of kinds.", "alarm.*"), RANGE_FIELDS, END};

FIELDS changes_list[] = {QUERY("asset", PL_REST_TEXT, NULL, "Only what concerns it: a pot or a line.", "line1.pot01"),
                         {.name = "from",
                          .place = PL_REST_QUERY,
                          .type = PL_REST_TIME,
                          .required = true,
                          .doc = "Not before.",
                          .example = "2026-11-23T06:00:00Z"},
                         {.name = "to",
                          .place = PL_REST_QUERY,
                          .type = PL_REST_TIME,
                          .required = true,
                          .doc = "Before.",
                          .example = "2026-11-30T06:00:00Z"},
                         END};

#define MODEL_EXAMPLE                                                                                                  \
    "{\"thermalConductivity\":200,\"initialTemperature\":700,"                                                         \
    "\"boundaryConditions\":{\"topSurface\":750,\"bottomSurface\":690}}"
#define MODEL_FIELDS                                                                                                   \
    BODY("modelName", PL_REST_TEXT, true, NULL, "One of potline model list.", "\"FourierHeatModel\""),                 \
        BODY("parameters", PL_REST_OBJECT, true, NULL,                                                                 \
             "Its parameters by name, as thermalConductivity or side_loss; boundaryConditions are temperatures in "    \
             "degC of topSurface and bottomSurface.",                                                                  \
             MODEL_EXAMPLE),                                                                                           \
        BODY("description", PL_REST_TEXT, false, NULL, "For people.", "\"The lining of pot 7.\"")
#define MODEL PATH("modelId", NULL, "The model.", "pde-001")
#define RUN PATH("runId", NULL, "The run.", "run-001")
FIELDS models_list[] = {QUERY("modelName", PL_REST_TEXT, NULL, "Only of this model.", "FourierHeatModel"), END};
FIELDS models_create[] = {MODEL_FIELDS, END};
FIELDS models_one[] = {MODEL, END};
FIELDS models_put[] = {MODEL, MODEL_FIELDS, END};
FIELDS runs_create[] = {
    MODEL,
    BODY("until", PL_REST_SPAN, false, NULL, "For how long, in the model's time.", "\"10m\""),
    BODY("every", PL_REST_SPAN, false, NULL, "How often results are kept.", "\"1m\""),
    {.name = "asset",
     .place = PL_REST_BODY,
     .type = PL_REST_TEXT,
     .longest = 4096,
     .with = "set",
     .doc =
         "A cell that a twin follows with this model: from its state of now, with what `set` "
         "changes, and doing nothing as the baseline: fed as alumina is used, tapped as metal is made. What it leaves "
         "of the optimiser's constraints is told (`constraintsLeft`; null: none are known, it is not over, or it has "
         "failed), and not forbidden, and so is where it is `outside` of what the model is meant for. A `note` says so "
         "where the twin has not followed it for long enough to be relied on, or foresees an anode effect.",
     .example = "\"line1.pot07\""},
    {.name = "set",
     .place = PL_REST_BODY,
     .type = PL_REST_TEXTS,
     .longest = 4096,
     .with = "asset",
     .doc =
         "What is changed of that cell, so not without `asset`: inputs of the model, or acd, alf3, ce; with a sign it "
         "is what they change by.",
     .example = "[\"acd=-2mm\",\"feed=+5%\"]"},
    END};
FIELDS runs_one[] = {MODEL, RUN, END};

#define ANYWAY BODY("anyway", PL_REST_FLAG, false, "anyway", "Also of what is not known here yet.", "false")
#define TAG PATH("tag", "tag", "The set point.", "line1.pot01.current")
#define SCOPE(place_, example_)                                                                                        \
    {                                                                                                                  \
        .name = "scope", .place = (place_), .required = true, .argument = "scope", .without = "*?{} \t\r\n#",          \
        .longest = PL_NAME_MAX - 2, .doc = "An asset, a line, a tag or ALL.", .example = (example_)                    \
    }
FIELDS points_list[] = {QUERY("tag", PL_REST_TEXT, "tag", "A pattern of set points.", "line1.*"), AT, END};
FIELDS points_get[] = {TAG, END};
FIELDS points_set[] = {BODY("tag", PL_REST_TEXT, true, "tag", "The set point.", "\"line1.pot01.current\""),
                       BODY("value", PL_REST_NUMBER, true, "value", "Its value.", "4.2"),
                       BODY("for", PL_REST_SPAN, true, "for", "How long it holds.", "\"10m\""), REASON, END};
FIELDS points_approve[] = {TAG,
                           BODY("value", PL_REST_NUMBER, false, "value",
                                "What is approved, as it was shown: where another value waits by now, nothing passes.",
                                "44.0"),
                           MAYBE_REASON, END};
FIELDS points_reject[] = {TAG, MAYBE_REASON, END};
FIELDS points_mode[] = {SCOPE(PL_REST_PATH, "line1"),
                        {.name = "mode",
                         .place = PL_REST_BODY,
                         .required = true,
                         .argument = "mode",
                         .choices = modes,
                         .doc = "Who decides from then on.",
                         .example = "\"advise\""},
                        REASON,
                        ANYWAY,
                        END};

FIELDS override_engage[] = {SCOPE(PL_REST_BODY, "\"line1\""), REASON, ANYWAY, END};
FIELDS overrides_list[] = {AT, END};
FIELDS override_get[] = {PATH("scope", NULL, "Of what.", "line1"), END};
FIELDS override_release[] = {
    PATH("scope", "scope", "Of what.", "line1"),
    {.name = "reason", .place = PL_REST_QUERY, .required = true, .argument = "reason", .doc = WHY, .example = "done"},
    END};

#define ALARM PATH("alarm", "alarm", "Id or pattern of the alarms.", "line1.pot01.hot")
FIELDS alarms_list[] = {QUERY("alarm", PL_REST_TEXT, "alarm", "Id or pattern of the alarms.", "line1.*"),
                        {.name = "state",
                         .place = PL_REST_QUERY,
                         .argument = "state",
                         .choices = states,
                         .doc = "A state; attention: what "
                                "is active, unacknowledged or latched.",
                         .example = "all"},
                        {.name = "priority",
                         .place = PL_REST_QUERY,
                         .argument = "priority",
                         .choices = priorities,
                         .doc = "Of this priority only.",
                         .example = "any"},
                        AT,
                        END};
FIELDS alarms_get[] = {ALARM, END};
FIELDS alarms_change[] = {ALARM, MAYBE_REASON, END};
FIELDS alarms_reason[] = {ALARM, REASON, END};
FIELDS alarms_shelve[] = {ALARM, BODY("duration", PL_REST_SPAN, true, "duration", "For how long.", "\"2h\""), REASON,
                          END};
FIELDS alarms_history[] = {PATH("alarm", "alarm", "Id or pattern of the alarms.", "line1.pot01.hot"), END};

static const char *const ticket_states[] = {"to-do", "all", "open", "assigned", "resolved", "false-alarm", NULL};
#define TICKET PATH("ticket", "ticket", "Its id.", "3@line1.pot07")
FIELDS anomalies_list[] = {QUERY("asset", PL_REST_TEXT, "asset", "Of these assets: a name or pattern.", "line1.*"),
                           END};
FIELDS tickets_list[] = {QUERY("asset", PL_REST_TEXT, "asset", "Of these assets: a name or pattern.", "line1.*"),
                         {.name = "state",
                          .place = PL_REST_QUERY,
                          .argument = "state",
                          .choices = ticket_states,
                          .doc = "A state; to-do: open or assigned.",
                          .example = "all"},
                         END};
FIELDS tickets_one[] = {TICKET, END};
FIELDS tickets_assign[] = {TICKET, BODY("to", PL_REST_TEXT, true, "to", "Who takes care of it.", "\"Ann\""), END};
FIELDS tickets_close[] = {
    TICKET, REASON,
    BODY("event", PL_REST_TEXT, false, "event", "Of this anomaly of it alone, by its `event`.", "\"123\""), END};

FIELDS optimizations_list[] = {QUERY("asset", PL_REST_TEXT, "asset", "A pattern of pots.", "line1.*"), END};
FIELDS optimizations_one[] = {PATH("asset", "asset", "The pot.", "line1.pot07"), END};
FIELDS constraints_list[] = {QUERY("scope", PL_REST_TEXT, "scope", "Of this pot, line or ALL.", "ALL"), END};
#define CONSTRAINT                                                                                                     \
    PATH("scope", "scope", "A pot, a line or ALL.", "line1"), PATH("constraint", "constraint", "What.", "superheat")
#define LIMITS                                                                                                         \
    BODY("low", PL_REST_NUMBER, true, "low", "The least.", "5"),                                                       \
        BODY("high", PL_REST_NUMBER, true, "high", "The most.", "14"),                                                 \
        BODY("rank", PL_REST_WHOLE, false, "rank", "0 is never given up; the highest gives way first.", "1")
FIELDS constraints_one[] = {CONSTRAINT, END};
FIELDS constraints_set[] = {CONSTRAINT, LIMITS, REASON, END};
FIELDS constraints_validate[] = {CONSTRAINT, LIMITS, END};

#define RULE PATH("rule", "rule", "The rule.", "hot")
FIELDS rules_get[] = {RULE, END};
FIELDS rules_one[] = {PATH("rule", NULL, "The rule.", "hot"), END};
FIELDS rules_set[] = {RULE, PATH("param", "param", "The parameter.", "limit"),
                      BODY("value", PL_REST_NUMBER, true, "value", "From then on.", "4.8"), MAYBE_REASON, END};
FIELDS rules_switch[] = {RULE, MAYBE_REASON, END};
FIELDS only_reason[] = {MAYBE_REASON, END};

FIELDS graphs_apply[] = {
    {.name = "file",
     .place = PL_REST_BODY,
     .required = true,
     .argument = "file",
     .longest = 1024,
     .doc = "A graph file in the folder of the first one.",
     .example = "\"next.yaml\""},
    BODY("dryRun", PL_REST_FLAG, false, "dry-run", "Only tell what would become of every node.", "true"),
    BODY("probation", PL_REST_SPAN, false, "probation", "How long the old one waits to come back.", "\"30s\""),
    BODY("yes", PL_REST_FLAG, false, "yes", "Also where nodes let go of what they know.", "false"),
    MAYBE_REASON,
    END};
FIELDS graphs_rollback[] = {PATH("number", "number", "Of the history.", "1"), MAYBE_REASON, END};
FIELDS graphs_drawing[] = {{.name = "format",
                            .place = PL_REST_QUERY,
                            .argument = "format",
                            .choices = drawings,
                            .doc = "How it is drawn.",
                            .example = "mermaid"},
                           END};

#define NODE PATH("node", "node", "The node.", "clean")
FIELDS nodes_one[] = {NODE, END};
FIELDS nodes_get[] = {PATH("node", NULL, "The node.", "clean"), END};
FIELDS nodes_switch[] = {NODE, MAYBE_REASON, END};
FIELDS nodes_option[] = {PATH("node", NULL, "The node.", "clean"),
                         PATH("option", NULL, "One that is live, as spike.k.", "spike.k"),
                         BODY("value", PL_REST_TEXT, true, NULL, "As in a graph file.", "\"3.5\""),
                         BODY("persist", PL_REST_FLAG, false, NULL, "For the next runs too.", "false"), END};

#define DASHBOARD PATH("dashboardId", NULL, "The dashboard.", "dash-001")
#define DASHBOARD_FIELDS                                                                                               \
    BODY("title", PL_REST_TEXT, true, NULL, "For people.", "\"Line 1\""),                                              \
        BODY("panels", PL_REST_LIST, true, NULL, "Charts, as the dashboard draws them.",                               \
             "[{\"type\":\"trend\",\"tags\":[\"line1.pot01.voltage\"]}]")
FIELDS dashboards_create[] = {DASHBOARD_FIELDS, END};
FIELDS dashboards_one[] = {DASHBOARD, END};
FIELDS dashboards_put[] = {DASHBOARD, DASHBOARD_FIELDS, END};

FIELDS audit_list[] = {QUERY("user", PL_REST_TEXT, "user", "A pattern of names.", "*"),
                       QUERY("action", PL_REST_TEXT, "action", "A pattern of commands.", "alarms*"),
                       QUERY("object", PL_REST_TEXT, "object", "A pattern of what it was about.", "*"),
                       QUERY("correlation", PL_REST_TEXT, "correlation", "A pattern of correlation ids.", "*"),
                       QUERY("from", PL_REST_TIME, "from", "Not before.", "2026-11-23T06:00:00Z"),
                       QUERY("to", PL_REST_TIME, "to", "Before.", "2262-01-01T00:00:00Z"),
                       END};

#define USER PATH("user", "user", "The user's name.", "anna")
#define PASSWORD                                                                                                       \
    BODY("password", PL_REST_TEXT, true, "password", "8 characters at least.", "\"correct horse battery staple\"")
#define ROLE                                                                                                           \
    {                                                                                                                  \
        .name = "role", .place = PL_REST_BODY, .required = true, .argument = "role", .choices = roles,                 \
        .doc = "What the user may do.", .example = "\"operator\""                                                      \
    }
FIELDS users_add[] = {BODY("user", PL_REST_TEXT, true, "user", "The user's name.", "\"anna\""), ROLE, PASSWORD, END};
FIELDS users_one[] = {PATH("user", NULL, "The user's name.", "anna"), END};
FIELDS users_role[] = {USER, ROLE, END};
FIELDS users_password[] = {USER, PASSWORD, END};
FIELDS users_remove[] = {USER, END};

FIELDS tokens_create[] = {
    BODY("username", PL_REST_TEXT, false, NULL, "With the password: signs in.", "\"anna\""),
    BODY("password", PL_REST_TEXT, false, NULL, "Of that user.", "\"correct horse battery staple\""),
    {.name = "refreshToken", .place = PL_REST_BODY, .longest = PL_REFRESH_TEXT, .doc = "By itself: the next token."},
    END};
FIELDS tokens_one[] = {PATH("tokenId", NULL, "One of tokens, or current.", "current"), END};

FIELDS streams_one[] = {PATH("output", NULL, "NODE.PORT, one of streams; up to eight, with commas.", "clean.out"),
                        QUERY("tags", PL_REST_TEXT, NULL, "A pattern of tags or assets.", "line1.*"),
                        QUERY("every", PL_REST_SPAN, NULL, "Only the newest row of each, that often.", "1s"), END};
FIELDS commands_run[] = {BODY("command", PL_REST_TEXT, true, NULL, "Its name, as \"alarms ack\".", "\"version\""),
                         BODY("arguments", PL_REST_OBJECT, false, NULL, "By name.", "{}"),
                         {.name = "password", .place = PL_REST_BODY, .doc = "Of commands that ask for one."},
                         END};
FIELDS production_list[] = {QUERY("asset", PL_REST_TEXT, "asset", "A pattern of pots, lines and the plant.", "line*"),
                            {.name = "period",
                             .place = PL_REST_QUERY,
                             .argument = "period",
                             .choices = periods,
                             .doc = "Over what.",
                             .example = "day"},
                            END};
FIELDS ledger_get[] = {QUERY("from", PL_REST_TIME, "from", "Not before.", "2026-11-23T06:00:00Z"),
                       QUERY("to", PL_REST_TIME, "to", "Before.", "2262-01-01T00:00:00Z"), END};

/* ---- The routes ---- */

#define SEE PL_MAY_SEE
#define OPERATE PL_MAY_OPERATE
#define ENGINEER PL_MAY_ENGINEER
#define LIMIT PL_MAY_LIMIT
#define ADMIN PL_MAY_ADMIN
#define REPORT (PL_MAY_ENGINEER | PL_MAY(PL_ROLE_MANAGER))
#define GET PL_HTTP_GET
#define POST PL_HTTP_POST
#define PUT PL_HTTP_PUT
#define DELETE PL_HTTP_DELETE

/* clang-format off */
const struct pl_rest_route pl__rest_v1[] = {
    {GET, "openapi.json", "getDocument", "This interface as an OpenAPI document.", .open = true, .answer = PL_REST_FIRST, .schema = "Document", .run = pl__openapi_answer},

    {POST, "tokens", "createToken", "Signs in, or goes on with a refresh token.", .open = true, .fields = tokens_create, .answer = PL_REST_CREATED, .schema = "Token", .run = pl__tokens_create},
    {GET, "tokens", "listTokens", "Who is signed in: you, for admins all.", .roles = SEE, .answer = PL_REST_ROWS, .run = pl__tokens_list},
    {GET, "tokens/{tokenId}", "getToken", "A sign-in: whose, since when, renewed when.", .roles = SEE, .fields = tokens_one, .answer = PL_REST_FIRST, .run = pl__tokens_get},
    {DELETE, "tokens/{tokenId}", "endToken", "Signs out.", .roles = SEE, .fields = tokens_one, .answer = PL_REST_GONE, .run = pl__tokens_end},

    {GET, "sensors", "listSensors", "The tags that have had samples.", .roles = SEE, .command = "tags --limit 100000", .fields = sensors_list, .answer = PL_REST_ROWS, .key = "tag"},
    {GET, "sensors/{tag}", "getSensor", "One tag.", .roles = SEE, .command = "tags", .fields = sensors_get, .answer = PL_REST_ROW, .key = "tag"},
    {GET, "sensors/{tag}/samples", "listSamples", "Samples of a tag, from a zone of the lake.", .roles = SEE, .fields = sensors_samples, .answer = PL_REST_ROWS, .places = true, .run = pl__lake_samples},
    {GET, "sensors/{tag}/trend", "listTrend", "A tag at the width of a screen: of each part of a range mean, least and greatest.", .roles = SEE, .fields = sensors_trend, .answer = PL_REST_ROWS, .also = PL__SEMANTIC, .run = pl__trend},
    {GET, "readings", "listReadings", "The newest sample of every tag, as of now or then.", .roles = SEE, .fields = readings_list, .answer = PL_REST_ROWS, .run = pl__past_readings},
    {GET, "windows", "listWindows", "Aggregates over windows of time.", .roles = SEE, .fields = windows_list, .answer = PL_REST_ROWS, .places = true, .run = pl__lake_windows},
    {GET, "windows/{tag}", "listWindowsOfTag", "Aggregates of one tag.", .roles = SEE, .fields = windows_get, .answer = PL_REST_ROWS, .places = true, .run = pl__lake_windows},
    {GET, "profiles", "listProfiles", "Fields over positions that the twin has told.", .roles = SEE, .fields = profiles_list, .answer = PL_REST_ROWS, .places = true, .run = pl__lake_profiles},
    {GET, "events", "listEvents", "What has happened: alarms, refusals, silences.", .roles = SEE, .fields = events_list, .answer = PL_REST_ROWS, .places = true, .run = pl__lake_events},
    {GET, "changes", "listChanges", "What was changed, newest first: overrides, modes, limits, rules, options, models, graphs, and set points that passed.", .roles = SEE, .fields = changes_list, .answer = PL_REST_ROWS, .also = PL__SEMANTIC, .run = pl__changes},

    {GET, "pde-models", "listModels", "The models that were made.", .roles = SEE, .fields = models_list, .answer = PL_REST_ROWS, .schema = "Model", .run = pl__models_list},
    {POST, "pde-models", "createModel", "Makes a model: one of the installed ones, with values.", .roles = ENGINEER, .fields = models_create, .answer = PL_REST_CREATED, .schema = "ModelCreated", .run = pl__models_create, .bodies = pl__models_bodies},
    {GET, "pde-models/{modelId}", "getModel", "One model.", .roles = SEE, .fields = models_one, .answer = PL_REST_FIRST, .schema = "Model", .run = pl__models_get},
    {PUT, "pde-models/{modelId}", "replaceModel", "Gives a model other values; If-Match is minded.", .roles = ENGINEER, .fields = models_put, .answer = PL_REST_FIRST, .schema = "Model", .also = PL__PRECONDITION, .run = pl__models_put, .bodies = pl__models_bodies},
    {DELETE, "pde-models/{modelId}", "removeModel", "Removes a model.", .roles = ENGINEER, .fields = models_one, .answer = PL_REST_GONE, .also = PL__PRECONDITION, .run = pl__models_remove},
    {GET, "pde-models/{modelId}/runs", "listRuns", "Runs of a model that are kept: the last ones.", .roles = SEE, .fields = models_one, .answer = PL_REST_ROWS, .schema = "Run", .run = pl__runs_list},
    {POST, "pde-models/{modelId}/runs", "createRun", "Runs a model, or looks ahead from where a twin stands.", .roles = ENGINEER, .fields = runs_create, .answer = PL_REST_ACCEPTED, .schema = "Run", .run = pl__runs_create},
    {GET, "pde-models/{modelId}/runs/{runId}", "getRun", "A run: how far it is, and its outputs over the time.", .roles = SEE, .fields = runs_one, .answer = PL_REST_FIRST, .schema = "Run", .run = pl__runs_get},
    {GET, "pde-models/{modelId}/runs/{runId}/profiles", "listRunProfiles", "Fields over positions, by time.", .roles = SEE, .fields = runs_one, .answer = PL_REST_ROWS, .schema = "Profile", .run = pl__runs_profiles},
    {DELETE, "pde-models/{modelId}/runs/{runId}", "removeRun", "Ends and forgets a run.", .roles = ENGINEER, .fields = runs_one, .answer = PL_REST_GONE, .run = pl__runs_remove},

    {GET, "setpoints", "listSetpoints", "Set points: their mode, what passed, what waits, what was refused.", .roles = SEE, .command = "guard list", .operators = "guard", .fields = points_list, .answer = PL_REST_ROWS, .key = "tag", .run = pl__past_setpoints},
    {POST, "setpoints", "sendSetpoint", "Sends a set point by hand, through all checks but that of the mode.", .roles = ENGINEER, .command = "guard set", .operators = "guard", .fields = points_set, .answer = PL_REST_ACCEPTED, .key = "tag"},
    {GET, "setpoints/{tag}", "getSetpoint", "One set point.", .roles = SEE, .command = "guard list", .operators = "guard", .fields = points_get, .answer = PL_REST_ROW, .key = "tag"},
    {POST, "setpoints/{tag}/approve", "approveSetpoint", "Lets a set point pass that waits for approval.", .roles = OPERATE, .command = "guard approve", .operators = "guard", .fields = points_approve, .answer = PL_REST_DONE},
    {POST, "setpoints/{tag}/reject", "rejectSetpoint", "Turns down a set point that waits for approval, or stops it on its way.", .roles = OPERATE, .command = "guard reject", .operators = "guard", .fields = points_reject, .answer = PL_REST_DONE},
    {PUT, "setpoints/{scope}/mode", "setMode", "Sets who decides: manual, advise, approve or auto.", .roles = OPERATE, .command = "guard mode", .operators = "guard", .fields = points_mode, .answer = PL_REST_DONE},

    {GET, "overrides", "listOverrides", "The overrides: of what, since when, by whom, why.", .roles = SEE, .command = "override list", .operators = "guard", .fields = overrides_list, .answer = PL_REST_ROWS, .key = "scope", .run = pl__past_overrides},
    {POST, "overrides", "engageOverride", "Nothing passes any more; it holds until it is released.", .roles = OPERATE, .command = "override engage", .operators = "guard", .fields = override_engage, .answer = PL_REST_CREATED, .key = "scope"},
    {GET, "overrides/{scope}", "getOverride", "One override.", .roles = SEE, .command = "override list", .operators = "guard", .fields = override_get, .answer = PL_REST_ROW, .key = "scope"},
    {DELETE, "overrides/{scope}", "releaseOverride", "Set points may pass again.", .roles = LIMIT, .command = "override release", .operators = "guard", .fields = override_release, .answer = PL_REST_GONE},

    {GET, "alarms", "listAlarms", "The alarms that need attention, the most urgent first.", .roles = SEE, .command = "alarms list", .operators = "alarms", .fields = alarms_list, .answer = PL_REST_ROWS, .key = "alarm", .run = pl__past_alarms},
    {GET, "alarms/{alarm}", "getAlarm", "One alarm, whatever its state.", .roles = SEE, .command = "alarms list --state all", .operators = "alarms", .fields = alarms_get, .answer = PL_REST_ROW, .key = "alarm"},
    {GET, "alarms/{alarm}/history", "listAlarmHistory", "What happened to an alarm.", .roles = SEE, .command = "alarms history", .operators = "alarms", .fields = alarms_history, .answer = PL_REST_ROWS},
    {POST, "alarms/{alarm}/ack", "acknowledgeAlarm", "Acknowledges alarms.", .roles = OPERATE, .command = "alarms ack", .operators = "alarms", .fields = alarms_change, .answer = PL_REST_DONE},
    {POST, "alarms/{alarm}/shelve", "shelveAlarm", "Hides alarms for a time.", .roles = OPERATE, .command = "alarms shelve", .operators = "alarms", .fields = alarms_shelve, .answer = PL_REST_DONE},
    {POST, "alarms/{alarm}/unshelve", "unshelveAlarm", "Ends a shelving.", .roles = OPERATE, .command = "alarms unshelve", .operators = "alarms", .fields = alarms_change, .answer = PL_REST_DONE},
    {POST, "alarms/{alarm}/reset", "resetAlarm", "Ends latched and unconfirmed alarms.", .roles = OPERATE, .command = "alarms reset", .operators = "alarms", .fields = alarms_reason, .answer = PL_REST_DONE},
    {POST, "alarms/{alarm}/suppress", "suppressAlarm", "Suppresses alarms by design.", .roles = ENGINEER, .command = "alarms suppress", .operators = "alarms", .fields = alarms_reason, .answer = PL_REST_DONE},
    {POST, "alarms/{alarm}/unsuppress", "unsuppressAlarm", "Ends a suppression.", .roles = ENGINEER, .command = "alarms unsuppress", .operators = "alarms", .fields = alarms_change, .answer = PL_REST_DONE},
    {POST, "alarms/{alarm}/out-of-service", "takeAlarmOut", "Takes alarms out of service.", .roles = ENGINEER, .command = "alarms out-of-service", .operators = "alarms", .fields = alarms_reason, .answer = PL_REST_DONE},
    {POST, "alarms/{alarm}/in-service", "putAlarmBack", "Puts alarms back into service.", .roles = ENGINEER, .command = "alarms in-service", .operators = "alarms", .fields = alarms_change, .answer = PL_REST_DONE},

    {GET, "optimizations", "listOptimizations", "What was decided last for each pot: by how much, how, and why.", .roles = SEE, .command = "optimizations list", .operators = "optimize.setpoints", .fields = optimizations_list, .answer = PL_REST_ROWS, .key = "asset"},
    {GET, "optimizations/{asset}", "getOptimization", "What was decided last for a pot.", .roles = SEE, .command = "optimizations list", .operators = "optimize.setpoints", .fields = optimizations_one, .answer = PL_REST_ROW, .key = "asset"},
    {GET, "constraints", "listConstraints", "The limits of the optimiser: the usual ones, the graph's and people's.", .roles = SEE, .command = "constraints list", .operators = "optimize.setpoints", .fields = constraints_list, .answer = PL_REST_ROWS},
    {GET, "constraints/{scope}/{constraint}", "getConstraint", "The limit that holds for a pot, a line or the plant.", .roles = SEE, .command = "constraints get", .operators = "optimize.setpoints", .fields = constraints_one, .answer = PL_REST_FIRST},
    {PUT, "constraints/{scope}/{constraint}", "setConstraint", "Sets a limit from the next run on; what contradicts others is refused.", .roles = ENGINEER, .command = "constraints set", .operators = "optimize.setpoints", .fields = constraints_set, .answer = PL_REST_DONE},
    {POST, "constraints/{scope}/{constraint}/validate", "validateConstraint", "Whether a limit could be set; nothing changes.", .roles = SEE, .command = "constraints validate", .operators = "optimize.setpoints", .fields = constraints_validate, .answer = PL_REST_DONE},

    {GET, "anomalies", "listAnomalies", "The newest anomalies of each asset, also those that opened no ticket.", .roles = SEE, .command = "anomalies list", .operators = "tickets", .fields = anomalies_list, .answer = PL_REST_ROWS},
    {GET, "tickets", "listTickets", "Maintenance tickets, by asset.", .roles = SEE, .command = "tickets list", .operators = "tickets", .fields = tickets_list, .answer = PL_REST_ROWS, .key = "ticket"},
    {GET, "tickets/{ticket}", "getTicket", "One ticket, with what it rests on, cases like it, and what to do.", .roles = SEE, .command = "tickets show", .operators = "tickets", .fields = tickets_one, .answer = PL_REST_ROW, .key = "ticket"},
    {POST, "tickets/{ticket}/assign", "assignTicket", "Gives a ticket to somebody.", .roles = OPERATE, .command = "tickets assign", .operators = "tickets", .fields = tickets_assign, .answer = PL_REST_DONE},
    {POST, "tickets/{ticket}/resolve", "resolveTicket", "Closes a ticket: it has been seen to.", .roles = OPERATE, .command = "tickets resolve", .operators = "tickets", .fields = tickets_close, .answer = PL_REST_DONE},
    {POST, "tickets/{ticket}/reopen", "reopenTicket", "Takes back that a ticket was closed: what was said of it counts no more.", .roles = OPERATE, .command = "tickets reopen", .operators = "tickets", .fields = tickets_close, .answer = PL_REST_DONE},
    {POST, "tickets/{ticket}/false-alarm", "refuteTicket", "Closes a ticket: there was nothing.", .roles = OPERATE, .command = "tickets false-alarm", .operators = "tickets", .fields = tickets_close, .answer = PL_REST_DONE},

    {GET, "rules", "listRules", "Rules, their state and how they fare.", .roles = SEE, .command = "rules list", .operators = "rules", .answer = PL_REST_ROWS, .key = "rule"},
    {GET, "rules/{rule}", "getRule", "One rule.", .roles = SEE, .command = "rules list", .operators = "rules", .fields = rules_one, .answer = PL_REST_ROW, .key = "rule"},
    {POST, "rules/reload", "reloadRules", "Reads the files again; one with an error changes nothing.", .roles = ENGINEER, .command = "rules reload", .operators = "rules", .fields = only_reason, .answer = PL_REST_DONE},
    {GET, "rules/{rule}/parameters", "listRuleParameters", "Parameters: values in force, ranges, where they come from.", .roles = SEE, .command = "rules params", .operators = "rules", .fields = rules_get, .answer = PL_REST_ROWS},
    {PUT, "rules/{rule}/parameters/{param}", "setRuleParameter", "Sets a threshold; it lasts.", .roles = LIMIT, .command = "rules set", .operators = "rules", .fields = rules_set, .answer = PL_REST_DONE},
    {POST, "rules/{rule}/enable", "enableRule", "Switches a rule on.", .roles = ENGINEER, .command = "rules enable", .operators = "rules", .fields = rules_switch, .answer = PL_REST_DONE},
    {POST, "rules/{rule}/disable", "disableRule", "Switches a rule off.", .roles = ENGINEER, .command = "rules disable", .operators = "rules", .fields = rules_switch, .answer = PL_REST_DONE},

    {GET, "dashboards", "listDashboards", "What people have put together of charts.", .roles = SEE, .answer = PL_REST_ROWS, .schema = "Dashboard", .run = pl__dashboards_list},
    {POST, "dashboards", "createDashboard", "Keeps a dashboard.", .roles = SEE, .fields = dashboards_create, .answer = PL_REST_CREATED, .schema = "Dashboard", .run = pl__dashboards_create},
    {GET, "dashboards/{dashboardId}", "getDashboard", "One dashboard.", .roles = SEE, .fields = dashboards_one, .answer = PL_REST_FIRST, .schema = "Dashboard", .run = pl__dashboards_get},
    {PUT, "dashboards/{dashboardId}", "replaceDashboard", "Changes one's own dashboard.", .roles = SEE, .fields = dashboards_put, .answer = PL_REST_FIRST, .schema = "Dashboard", .run = pl__dashboards_put},
    {DELETE, "dashboards/{dashboardId}", "removeDashboard", "Removes one's own dashboard.", .roles = SEE, .fields = dashboards_one, .answer = PL_REST_GONE, .run = pl__dashboards_remove},

    {GET, "kpis", "listKpis", "The engine in figures.", .roles = SEE, .command = "status", .answer = PL_REST_ROWS},
    {GET, "kpis/alarms", "listAlarmKpis", "The figures of ISA-18.2: rates, floods, top offenders.", .roles = SEE, .command = "alarms rate", .operators = "alarms", .answer = PL_REST_ROWS},
    {GET, "kpis/production", "listProduction", "Energy, emissions, throughput and anode effects: so far, before, and what is aimed at.", .roles = SEE, .command = "kpi list", .operators = "kpi", .fields = production_list, .answer = PL_REST_ROWS},
    {GET, "kpis/losses", "listLossKpis", "What became of every sample, by source.", .roles = SEE, .command = "ledger", .fields = ledger_get, .answer = PL_REST_ROWS},

    {GET, "graphs", "listGraphs", "The graphs that were run from this data folder.", .roles = SEE, .command = "graph history", .answer = PL_REST_ROWS},
    {POST, "graphs", "applyGraph", "Goes over to another graph while it runs.", .roles = ENGINEER, .command = "graph apply", .fields = graphs_apply, .answer = PL_REST_ACCEPTED},
    {GET, "graphs/current", "getGraph", "Which graph runs, since when, and by whom.", .roles = SEE, .command = "graph show", .answer = PL_REST_FIRST},
    {GET, "graphs/current/drawing", "drawGraph", "The running graph as a drawing.", .roles = SEE, .command = "graph", .fields = graphs_drawing, .answer = PL_REST_TEXT_ROW, .key = "graph"},
    {POST, "graphs/{number}/rollback", "rollBackGraph", "Goes back to a graph that has run.", .roles = ENGINEER, .command = "graph rollback", .fields = graphs_rollback, .answer = PL_REST_ACCEPTED},

    {GET, "nodes", "listNodes", "What every node does: rows, time, queues, lag.", .roles = SEE, .command = "nodes", .answer = PL_REST_ROWS, .key = "node"},
    {GET, "nodes/{node}", "getNode", "One node.", .roles = SEE, .command = "nodes", .fields = nodes_get, .answer = PL_REST_ROW, .key = "node"},
    {GET, "nodes/{node}/options", "listOptions", "The options of a node and what they are now.", .roles = SEE, .command = "options", .fields = nodes_one, .answer = PL_REST_ROWS},
    {PUT, "nodes/{node}/options/{option}", "setOption", "Gives a live option another value.", .roles = ENGINEER, .fields = nodes_option, .answer = PL_REST_DONE, .run = pl__nodes_set},
    {GET, "nodes/{node}/counters", "listCounters", "What a node has counted, and what it measures of itself (type: counter or gauge).", .roles = SEE, .command = "stats", .fields = nodes_one, .answer = PL_REST_ROWS},
    {POST, "nodes/{node}/pause", "pauseNode", "Has a node take nothing in.", .roles = ENGINEER, .command = "pause", .fields = nodes_switch, .answer = PL_REST_DONE},
    {POST, "nodes/{node}/resume", "resumeNode", "Has a paused node go on.", .roles = ENGINEER, .command = "resume", .fields = nodes_switch, .answer = PL_REST_DONE},

    {GET, "audit", "listAudit", "Who did what, newest last.", .roles = REPORT, .command = "audit --last 10000", .fields = audit_list, .answer = PL_REST_ROWS},

    {GET, "users", "listUsers", "Who there is.", .roles = ADMIN, .command = "users list", .answer = PL_REST_ROWS, .key = "user"},
    {POST, "users", "addUser", "A new user.", .roles = ADMIN, .command = "users add", .fields = users_add, .answer = PL_REST_CREATED, .key = "user"},
    {GET, "users/{user}", "getUser", "One user.", .roles = ADMIN, .command = "users list", .fields = users_one, .answer = PL_REST_ROW, .key = "user"},
    {PUT, "users/{user}", "setRole", "Gives a user another role.", .roles = ADMIN, .command = "users role", .fields = users_role, .answer = PL_REST_DONE},
    {PUT, "users/{user}/password", "setPassword", "A new password, yours or as an admin anybody's.", .roles = SEE, .command = "users passwd", .fields = users_password, .answer = PL_REST_DONE},
    {DELETE, "users/{user}", "removeUser", "Removes a user and ends the user's sessions.", .roles = ADMIN, .command = "users remove", .fields = users_remove, .answer = PL_REST_GONE},

    {GET, "streams", "listStreams", "The outputs of nodes, whose rows can be listened to.", .roles = SEE, .command = "outputs", .answer = PL_REST_ROWS, .key = "output"},
    {GET, "streams/{output}", "listen", "Rows of an output, or of several, as server-sent events, from now on or behind Last-Event-ID.", .roles = SEE, .fields = streams_one, .answer = PL_REST_EVENTS, .run = pl__push_begin},

    {GET, "commands", "listCommands", "The engine's commands with their arguments.", .roles = SEE, .command = "commands", .answer = PL_REST_ROWS},
    {POST, "commands", "runCommand", "Any command of the engine; each has its own roles.", .roles = SEE, .fields = commands_run, .answer = PL_REST_DONE, .run = pl__commands_run},
    {.path = NULL},
};
