#include "topic.h"

#include <stdio.h>
#include <string.h>

const char *const pl__sp_message_names[PL__SP_MESSAGES] = {"NBIRTH", "NDEATH", "NDATA", "NCMD", "DBIRTH",
                                                           "DDEATH", "DDATA",  "DCMD",  "STATE"};

bool pl__sp_name_is_good(const char *name) {
    return *name && strlen(name) <= PL__SP_NAME_MAX && !strpbrk(name, "/+#");
}

/* The part up to the next slash; *at stands behind it, or is NULL at the end. */
static bool part(const char **at, char to[PL__SP_NAME_MAX + 1]) {
    if (!*at) return false;
    const char *slash = strchr(*at, '/');
    size_t length = slash ? (size_t)(slash - *at) : strlen(*at);
    if (length == 0 || length > PL__SP_NAME_MAX) return false;
    memcpy(to, *at, length);
    to[length] = 0;
    *at = slash ? slash + 1 : NULL;
    return true;
}

bool pl__sp_topic_parse(const char *text, struct pl__sp_topic *topic) {
    static const char begin[] = PL__SP_NAMESPACE "/", state[] = "STATE/";
    char type[PL__SP_NAME_MAX + 1];
    if (strncmp(text, begin, sizeof begin - 1) != 0) return false;
    const char *at = text + sizeof begin - 1;
    *topic = (struct pl__sp_topic){.type = PL__STATE};
    if (strncmp(at, state, sizeof state - 1) == 0) {
        at += sizeof state - 1;
        return part(&at, topic->edge) && !at;
    }
    if (!part(&at, topic->group) || !part(&at, type) || !part(&at, topic->edge)) return false;
    if (at && !part(&at, topic->device)) return false;
    for (topic->type = PL__NBIRTH; topic->type < PL__STATE; topic->type++)
        if (strcmp(pl__sp_message_names[topic->type], type) == 0) break;
    bool of_device = topic->type >= PL__DBIRTH;
    return !at && topic->type < PL__STATE && of_device == (*topic->device != 0);
}

bool pl__sp_topic_put(char *to, const char *group, enum pl__sp_message type, const char *edge, const char *device) {
    int length = snprintf(to, PL__SP_TOPIC_MAX + 1, PL__SP_NAMESPACE "/%s/%s/%s%s%s", group, pl__sp_message_names[type],
                          edge, device ? "/" : "", device ? device : "");
    return length > 0 && length <= PL__SP_TOPIC_MAX;
}
