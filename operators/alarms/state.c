#include <string.h>

#include "state.h"

const char *const alarm_state_names[ALARM_STATES + 1] = {
    "normal",  "unacknowledged", "acknowledged",   "returned", "latched-unacknowledged", "latched-acknowledged",
    "shelved", "suppressed",     "out-of-service", NULL};

bool alarm_hidden(const struct alarm *alarm) {
    return alarm->out_of_service || alarm->suppressed || alarm->shelved;
}

bool alarm_stands(const struct alarm *alarm) {
    return alarm_hidden(alarm) || ((alarm->active || alarm->latched) && !alarm->unacknowledged);
}

enum alarm_state alarm_state(const struct alarm *alarm) {
    if (alarm->out_of_service) return ALARM_OUT_OF_SERVICE;
    if (alarm->suppressed) return ALARM_SUPPRESSED;
    if (alarm->shelved) return ALARM_SHELVED;
    if (alarm->active) return alarm->unacknowledged ? ALARM_UNACKNOWLEDGED : ALARM_ACKNOWLEDGED;
    if (alarm->latched) return alarm->unacknowledged ? ALARM_LATCHED_UNACKNOWLEDGED : ALARM_LATCHED_ACKNOWLEDGED;
    return alarm->unacknowledged ? ALARM_RETURNED : ALARM_NORMAL;
}

static void remember(struct alarm *alarm, pl_time time) {
    memmove(alarm->recent + 1, alarm->recent, (ALARM_RECENT - 1) * sizeof alarm->recent[0]);
    alarm->recent[0] = time;
    if (alarm->recents < ALARM_RECENT) alarm->recents++;
}

static void begin(struct alarm *alarm, pl_time time) {
    alarm->unacknowledged = true;
    alarm->latched = alarm->stale = alarm->overdue = false;
    alarm->raised = time;
}

bool alarm_activate(struct alarm *alarm, pl_time time) {
    if (alarm->active) return false;
    alarm->active = true;
    if (alarm_hidden(alarm)) return true;
    begin(alarm, time);
    alarm->activations++;
    remember(alarm, time);
    return true;
}

bool alarm_return(struct alarm *alarm, bool latch) {
    if (!alarm->active) return false;
    alarm->active = alarm->unconfirmed = false;
    alarm->latched = latch;
    return true;
}

bool alarm_acknowledge(struct alarm *alarm) {
    if (!alarm->unacknowledged || alarm_hidden(alarm)) return false;
    alarm->unacknowledged = false;
    return true;
}

bool alarm_reset(struct alarm *alarm) {
    bool latched = alarm->latched && !alarm->unacknowledged;
    if (alarm_hidden(alarm) || !(latched || (alarm->active && alarm->unconfirmed))) return false;
    alarm->latched = alarm->active = alarm->condition = alarm->unconfirmed = alarm->unacknowledged = false;
    return true;
}

void alarm_refresh(struct alarm *alarm, pl_time time) {
    alarm->latched = alarm->unacknowledged = false;
    if (alarm->active && !alarm_hidden(alarm)) begin(alarm, time);
}

bool alarm_chatters(const struct alarm *alarm, unsigned count, pl_time window, pl_time now) {
    if (count == 0 || alarm->recents < count) return false;
    return (uint64_t)now - (uint64_t)alarm->recent[count - 1] <= (uint64_t)window;
}

/* The length of at most `size` bytes that ends with a whole UTF-8 character. */
static size_t cut(const char *text, size_t size) {
    while (size && ((unsigned char)text[size] & 0xc0) == 0x80)
        size--;
    return size;
}

void alarm_text(char *to, size_t size, const char *text, size_t length) {
    if (length >= size) length = cut(text, size - 1);
    memcpy(to, text, length);
    memset(to + length, 0, size - length);
}
