#include <potline/text.h>
#include <string.h>

#include "client.h"

enum { DEFAULT_PORT = 502 };

static bool port_parse(const char *text, uint16_t *port) {
    int64_t value;
    if (!pl_text_int(text, strlen(text), &value) || value < 1 || value > 65535) return false;
    *port = (uint16_t)value;
    return true;
}

static bool host_copy(char *host, const char *from, size_t length) {
    if (length == 0 || length > PL_MODBUS_HOST_MAX || strcspn(from, " \t/") < length) return false;
    memcpy(host, from, length);
    host[length] = '\0';
    return true;
}

bool pl_modbus_endpoint_parse(const char *text, char *host, uint16_t *port) {
    *port = DEFAULT_PORT;
    if (text[0] == '[') {
        const char *close = strchr(text, ']');
        if (!close || (close[1] != ':' && close[1] != '\0')) return false;
        return host_copy(host, text + 1, (size_t)(close - text - 1)) && (!close[1] || port_parse(close + 2, port));
    }
    const char *colon = strchr(text, ':');
    if (!colon) return host_copy(host, text, strlen(text));
    return host_copy(host, text, (size_t)(colon - text)) && port_parse(colon + 1, port);
}
