/* process_episode.c: what is said of an alarm of an asset, from its beginning to its end. */
#include <math.h>
#include <stdio.h>

#include "process.h"
#include "scatter.h"

static const char *const why_text[] = {
    [WHY_LEVEL] = "the mean of its last rows has left the level learned",
    [WHY_SCATTER + SCATTER_ALL] = "the signals do not go together as they did",
    [WHY_SCATTER + SCATTER_T2] = "the signals go together as they did, but farther than ever (T2)",
    [WHY_SCATTER + SCATTER_Q] = "what usually explains the signals does not explain them (Q)",
    [WHY_LOCAL] = "several signals have left the course of their last rows at once",
};

static const char *const looked_at[] = {
    [WHY_LEVEL] = "level",
    [WHY_SCATTER + SCATTER_ALL] = "scatter",
    [WHY_SCATTER + SCATTER_T2] = "scatter",
    [WHY_SCATTER + SCATTER_Q] = "scatter",
    [WHY_LOCAL] = "local",
};

static const char *cause_of(const struct frame_reason *r) {
    static const double by_itself = 0.7;
    if (r->alone) return "the process behind this signal, or its sensor: it is judged by itself";
    return r->tags && r->share[0] > by_itself
               ? "this signal's sensor, or what acts on it alone: a valve, a leak, a blockage"
               : "something that acts on several signals: the process, its feed or its load";
}

/* For people: of a level also which signal, where it is and where it was. */
static struct reason reason_of(const struct process *p, uint32_t subject, const struct frame_reason *r, char *said,
                               size_t size) {
    struct reason reason = {
        .tags = r->tags, .explanation = why_text[r->why], .cause = cause_of(r), .what = looked_at[r->why]};
    for (uint32_t i = 0; i < r->tags; i++) {
        reason.tag[i] = p->members[subject][r->place[i]];
        reason.share[i] = r->share[i];
    }
    if (r->why != WHY_LEVEL || !r->tags) return reason; /* signals together have no side */
    reason.side = (r->now > r->usual) - (r->now < r->usual);
    const struct pl_tag *tag = pl_tags_get(pl_node_tags(p->verdicts.node), reason.tag[0]);
    const char *space = *tag->unit ? " " : "";
    snprintf(said, size, "%s: %s %.4g%s%s, usually %.4g%s%s", why_text[WHY_LEVEL], tag->name, r->now, space, tag->unit,
             r->usual, space, tag->unit);
    reason.explanation = said;
    return reason;
}

/* A level comes back by its hysteresis; the others are judged frame by frame. */
static uint32_t quiet_frames(const struct process *p) {
    enum { FLICKERS = 10 };
    if (p->hold) return (uint32_t)p->hold;
    return p->rule.scatter || p->rule.local ? FLICKERS : 1;
}

/* A course is known for its last rows only, so a new level is no alarm any more: is it nearer to that than to where it
 * came from? */
static enum verdict_ends how_it_ends(const struct process *p, struct frame *frame) {
    const struct frame_reason *r = &frame->reason;
    const struct frame_view view = frame_view(&p->rule, frame);
    if (r->why != WHY_LOCAL || !r->tags || frame->state != FRAME_JUDGING) return episode_ends(&frame->episode);
    const double value = view.value[r->place[0]];
    return fabs(value - r->now) < fabs(value - r->usual) ? ENDS_LASTING : ENDS_BACK;
}

bool process_stop(struct process *p, uint32_t subject, struct frame *frame) {
    const struct verdict here = {.threshold = p->rule.threshold};
    char said[PL_NAME_MAX + 240];
    if (!frame->episode.active) return true;
    const struct reason reason = reason_of(p, subject, &frame->reason, said, sizeof said);
    return verdicts_end(&p->verdicts, subject, &frame->episode, &here, &reason, ENDS_OPEN);
}

/* A level that was accepted is kept for the way back from it. */
static void keep_lasting(const struct process *p, struct frame *frame) {
    static const uint64_t times = 10;
    const bool level = frame->reason.why == WHY_LEVEL && frame->reason.tags && frame->state == FRAME_JUDGING;
    if (!level || !p->accept) return;
    frame->lasting = (struct frame_lasting){
        .episode = frame->episode, .reason = frame->reason, .until = frame->rows + times * (uint64_t)p->accept};
}

/* Is it where it came from, about, and not beyond that? */
static bool comes_back(const struct process *p, struct frame *frame, const struct frame_reason *found) {
    const struct frame_lasting *l = &frame->lasting;
    const struct frame_view view = frame_view(&p->rule, frame);
    if (!l->episode.active || frame->rows > l->until || found->why != WHY_LEVEL || !found->tags) return false;
    if (found->place[0] != l->reason.place[0]) return false;
    const uint32_t lead = found->place[0];
    const double side = l->reason.now > l->reason.usual ? 1 : -1, past = (l->reason.usual - found->now) * side;
    return fabs(found->now - l->reason.usual) < fabs(found->now - l->reason.now) &&
           past <= view.limit[lead] * view.deviation[lead];
}

/* That it comes back is no fault of its own. */
static bool end_lasting(struct process *p, uint32_t subject, struct frame *frame, const struct verdict *verdict) {
    struct frame_lasting *l = &frame->lasting;
    char said[PL_NAME_MAX + 240];
    if (l->told) return true;
    l->told = 1;
    l->episode.last = frame->time;
    const struct reason reason = reason_of(p, subject, &l->reason, said, sizeof said);
    const bool good = verdicts_end(&p->verdicts, subject, &l->episode, verdict, &reason, ENDS_BACK);
    l->episode.active = EPISODE_ON; /* as long as the alarm of its return is there */
    return good;
}

bool process_follow(struct process *p, uint32_t subject, struct frame *frame, const struct verdict *verdict,
                    const struct frame_reason *found) {
    struct episode *episode = &frame->episode;
    pl_count(p->verdicts.node, PROCESS_COUNT_JUDGED, 1);
    if (verdict->alarm) pl_count(p->verdicts.node, PROCESS_COUNT_ALARMS, 1);
    frame->quiet = verdict->alarm ? 0 : frame->quiet + 1;
    const bool begins = verdict->alarm && !episode->active;
    const bool over = episode->active && frame->quiet >= quiet_frames(p);
    if (begins && comes_back(p, frame, found)) return end_lasting(p, subject, frame, verdict);
    if (!verdict->alarm && frame->lasting.told) frame->lasting = (struct frame_lasting){0};
    if (begins || (verdict->alarm && verdict->surprise > episode->peak)) frame->reason = *found;
    if (!verdict->alarm && !over) return true;
    char said[PL_NAME_MAX + 240];
    const struct reason reason = reason_of(p, subject, &frame->reason, said, sizeof said);
    if (over) {
        const enum verdict_ends how = how_it_ends(p, frame);
        if (how == ENDS_LASTING) keep_lasting(p, frame);
        return verdicts_end(&p->verdicts, subject, episode, verdict, &reason, how);
    }
    if (!begins) return verdicts_go_on(&p->verdicts, subject, episode, frame->time, verdict, &reason);
    return verdicts_begin(&p->verdicts, subject, episode, frame->time, verdict, &reason);
}
