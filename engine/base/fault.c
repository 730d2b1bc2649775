#include "base/fault.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <potline/text.h>

enum { NAME_MAX_LENGTH = 63, KIB = 1024 };

bool pl__fault_armed;

static char fault_name[NAME_MAX_LENGTH + 1];
static _Atomic int64_t passes_left;
static bool fails;
static size_t buffer;

/* NAME:N or NAME:N:ACTION. */
static bool read_place(const char *text) {
    const char *name_end = strchr(text, ':'), *number_end = name_end ? strchr(name_end + 1, ':') : NULL;
    const char *action = number_end ? number_end + 1 : "kill";
    int64_t number;
    if (!name_end || name_end == text || name_end - text > NAME_MAX_LENGTH) return false;
    size_t digits = number_end ? (size_t)(number_end - name_end - 1) : strlen(name_end + 1);
    if (!pl_text_int(name_end + 1, digits, &number) || number < 1) return false;
    if (strcmp(action, "kill") != 0 && strcmp(action, "eio") != 0) return false;
    fails = strcmp(action, "eio") == 0;
    memcpy(fault_name, text, (size_t)(name_end - text));
    fault_name[name_end - text] = 0;
    atomic_store(&passes_left, number);
    return true;
}

bool pl_fault_setup(void) {
    const char *place = getenv("POTLINE_FAULT"), *size = getenv("POTLINE_FAULT_BUFFER");
    int64_t kib = 0;
    if (size && pl_text_int(size, strlen(size), &kib) && kib > 0) buffer = (size_t)kib * KIB;
    pl__fault_armed = place && read_place(place);
    return !place || pl__fault_armed;
}

size_t pl_fault_buffer(size_t usual) {
    return PL_UNLIKELY(buffer && buffer < usual) ? buffer : usual;
}

bool pl__fault_pass(const char *name) {
    if (strcmp(name, fault_name) != 0 || atomic_fetch_sub(&passes_left, 1) != 1) return false;
    if (!fails) kill(getpid(), SIGKILL);
    return fails;
}
