/* topic.h: topics of Sparkplug: spBv1.0/GROUP/TYPE/EDGE[/DEVICE] and spBv1.0/STATE/HOST. Pure. */
#ifndef SPARKPLUG_TOPIC_H
#define SPARKPLUG_TOPIC_H

#include <stdbool.h>
#include <stddef.h>

#define PL__SP_NAMESPACE "spBv1.0"

enum { PL__SP_NAME_MAX = 255, PL__SP_TOPIC_MAX = 1024 };

enum pl__sp_message {
    PL__NBIRTH,
    PL__NDEATH,
    PL__NDATA,
    PL__NCMD,
    PL__DBIRTH,
    PL__DDEATH,
    PL__DDATA,
    PL__DCMD,
    PL__STATE,
    PL__SP_MESSAGES
};
extern const char *const pl__sp_message_names[PL__SP_MESSAGES];

struct pl__sp_topic {
    enum pl__sp_message type;
    char group[PL__SP_NAME_MAX + 1];  /* of STATE: empty */
    char edge[PL__SP_NAME_MAX + 1];   /* of STATE: the host */
    char device[PL__SP_NAME_MAX + 1]; /* "": of the node itself */
};

bool pl__sp_topic_parse(const char *text, struct pl__sp_topic *topic);

/* `device` may be NULL. False: it does not fit into PL__SP_TOPIC_MAX + 1. */
bool pl__sp_topic_put(char *to, const char *group, enum pl__sp_message type, const char *edge, const char *device);

/* A group, edge, device or host: not empty, without / + #. */
bool pl__sp_name_is_good(const char *name);

#endif
