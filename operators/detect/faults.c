/* faults.c: which fault an alarm of an asset is about, when it is over, and what is said of it. */
#include "faults.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SAID_MAX = PL_NAME_MAX + 320 };
/* Frames in which a mean over SERIES_SHORT rows comes back, when single rows have. */
enum { RETURN_MOST = 2 * SERIES_SHORT };

static struct member *at_place(struct ensemble *e, uint32_t subject, uint32_t place) {
    const struct members_of *of = members_of(&e->members, subject);
    return place < of->count ? ensemble_member(e, of->tag[place]) : NULL;
}

/* ---- What is said ---- */

/* One in a hundred that any of them is so by chance. */
static double surprised_from(const struct asset *asset) {
    return 2 + log10(asset->members);
}

/* What is said at the end is what was so at the peak. */
static void note_peak(struct ensemble *e, uint32_t subject, struct asset *asset) {
    const struct members_of *of = members_of(&e->members, subject);
    asset->agree = 0;
    for (uint32_t i = 0; i < of->count; i++) {
        const bool score = members_kind(&e->members, of->tag[i]) == MEMBER_SCORE;
        struct pl_table *table = pl_node_table(e->verdicts.node, score ? TABLE_SCORES : TABLE_SIGNALS);
        struct member *m = pl_table_get(table, of->tag[i], 0);
        if (!m) continue;
        m->peak = ensemble_counts(e, asset, m);
        m->at_peak = m->newest;
        if (asset->since <= (uint64_t)e->reach) m->involved |= m->peak >= surprised_from(asset);
        asset->agree += m->peak >= surprised_from(asset);
    }
}

/* What a member speaks of, as a signal where there is one: a part of a detector's has its signal's name in front. */
static uint32_t signal_of(struct ensemble *e, uint32_t tag) {
    const struct pl_tags *tags = pl_node_tags(e->verdicts.node);
    const uint32_t about = members_about(&e->members, pl_node_tags(e->verdicts.node), tag);
    for (uint32_t id = about; id; id = pl_tags_get(tags, id)->asset)
        if (members_kind(&e->members, id) == MEMBER_SIGNAL) return id;
    return about;
}

/* Adds a share to its tag's place among the first three, or a place of its own. */
static void add_share(struct reason *reason, uint32_t tag, double share) {
    uint32_t at = 0;
    while (at < reason->tags && reason->tag[at] != tag)
        at++;
    if (at < reason->tags) {
        share += reason->share[at];
    } else if (reason->tags < VERDICT_TAGS) {
        reason->tags++;
    } else if (share > reason->share[--at]) {
        reason->share[at] = 0;
    } else {
        return;
    }
    for (; at > 0 && reason->share[at - 1] < share; at--) {
        reason->share[at] = reason->share[at - 1];
        reason->tag[at] = reason->tag[at - 1];
    }
    reason->share[at] = share;
    reason->tag[at] = tag;
}

static void put_words(char *said, size_t size, const char *tag, const char *what, uint32_t agree,
                      const struct asset *asset) {
    const char *members = asset->signals == asset->members ? "signals" : "signals and detectors";
    if (agree)
        snprintf(said, size, "%s: %s (%u of %u %s are surprised)", tag, what, (unsigned)agree, (unsigned)asset->members,
                 members);
    else
        snprintf(said, size, "%s: %s (none of %u %s is surprised by itself: all of them a little)", tag, what,
                 (unsigned)asset->members, members);
}

/* The three signals of which most was said, and what the member that said most did say. */
static void reason_of(struct ensemble *e, uint32_t subject, const struct asset *asset, struct reason *reason,
                      char *said, size_t size) {
    const struct members_of *of = members_of(&e->members, subject);
    const struct member *lead = NULL;
    uint32_t lead_tag = subject;
    double sum = 0;
    *reason = (struct reason){.explanation = said, .cause = ""};
    for (uint32_t i = 0; i < of->count; i++) {
        const struct member *m = ensemble_member(e, of->tag[i]);
        if (!m || !(m->peak > 0)) continue;
        sum += m->peak;
        const uint32_t tag = signal_of(e, of->tag[i]);
        add_share(reason, tag, m->peak);
        if (lead && m->peak <= lead->peak) continue;
        lead = m;
        lead_tag = tag;
    }
    for (uint32_t i = 0; i < reason->tags; i++)
        reason->share[i] /= sum;
    const struct pl_tag *tag = pl_tags_get(pl_node_tags(e->verdicts.node), lead_tag);
    char what[200] = "";
    if (lead) {
        said_explain(&lead->at_peak, tag->unit, what, sizeof what);
        reason->cause = said_cause(&lead->at_peak);
        reason->what = said_looked_at(&lead->at_peak);
        reason->side = said_side(&lead->at_peak);
    }
    put_words(said, size, tag->name, what, asset->agree, asset);
}

/* ---- Those that are told and last ---- */

/* The one that is over soonest makes room. */
static void keep_lasting(struct ensemble *e, struct asset *asset, const struct member *lead, double share) {
    struct lasting *at = asset->lasting;
    for (unsigned i = 1; i < LASTING_MAX && at->episode.active; i++)
        if (!asset->lasting[i].episode.active || asset->lasting[i].until < at->until) at = &asset->lasting[i];
    *at = (struct lasting){.episode = asset->episode,
                           .until = asset->frames + (uint64_t)e->memory,
                           .share = share,
                           .said = lead->at_peak,
                           .usual = lead->usual,
                           .lead = asset->lead,
                           .agree = asset->agree};
    at->episode.active = 1;
}

static bool tell_back(struct ensemble *e, uint32_t subject, const struct asset *asset, struct lasting *l) {
    const struct verdict verdict = {.threshold = e->threshold};
    const uint32_t tag = signal_of(e, members_of(&e->members, subject)->tag[l->lead]);
    const struct pl_tag *entry = pl_tags_get(pl_node_tags(e->verdicts.node), tag);
    char what[200], said[SAID_MAX];
    said_explain(&l->said, entry->unit, what, sizeof what);
    put_words(said, sizeof said, entry->name, what, l->agree, asset);
    const struct reason reason = {.tag = {tag},
                                  .share = {l->share},
                                  .tags = 1,
                                  .explanation = said,
                                  .cause = said_cause(&l->said),
                                  .what = said_looked_at(&l->said),
                                  .side = said_side(&l->said)};
    return verdicts_end(&e->verdicts, subject, &l->episode, &verdict, &reason, ENDS_BACK);
}

/* Behind `hold` frames without an alarm in which its lead is back it is over. */
static bool watch_lasting(struct ensemble *e, uint32_t subject, struct asset *asset, bool alarm) {
    for (unsigned i = 0; i < LASTING_MAX; i++) {
        struct lasting *l = &asset->lasting[i];
        if (!l->episode.active) continue;
        const struct member *lead = at_place(e, subject, l->lead);
        l->back = lead && member_is_back(lead, &l->said, &l->usual) ? l->back + 1 : 0;
        if (l->back) l->returning = 0;
        if (l->back == 1) l->episode.last = asset->time;
        if (l->back >= (uint64_t)e->hold && !alarm && !tell_back(e, subject, asset, l)) return false;
        if (asset->frames >= l->until) l->episode.active = 0;
    }
    return true;
}

/* Is it on its way back, or where it was told to be? */
static bool is_known(const struct member *m, const struct said *said, const struct series_usual *usual, bool *returns) {
    *returns = member_returns(m, said, usual);
    return *returns || member_stays(m, said, usual);
}

/* Does the member that says most speak of what was told before, or of its end? The others that had a part in that come
 * back with its lead. */
static bool tells_lasting(struct ensemble *e, uint32_t subject, struct asset *asset, uint32_t place,
                          const struct member *m) {
    for (unsigned i = 0; i < LASTING_MAX; i++) {
        struct lasting *l = &asset->lasting[i];
        const struct member *lead = l->episode.active ? at_place(e, subject, l->lead) : NULL;
        bool returns, too;
        if (!lead || !is_known(lead, &l->said, &l->usual, &returns)) continue;
        if (returns && l->returning > RETURN_MOST) continue;
        if (place != l->lead && !(m->involved && is_known(m, &m->at_peak, &m->usual, &too))) continue;
        l->returning += returns && !l->back;
        return true;
    }
    return false;
}

/* ---- The one under way ---- */

/* What is usual of each member is what was so before any fault, so it stays when one follows another. */
static bool begin(struct ensemble *e, uint32_t subject, struct asset *asset, const struct verdict *verdict,
                  uint32_t place, bool follows) {
    const struct members_of *of = members_of(&e->members, subject);
    char said[SAID_MAX];
    struct reason reason;
    for (uint32_t i = 0; i < of->count; i++) {
        const bool score = members_kind(&e->members, of->tag[i]) == MEMBER_SCORE;
        struct member *m =
            pl_table_get(pl_node_table(e->verdicts.node, score ? TABLE_SCORES : TABLE_SIGNALS), of->tag[i], 0);
        if (!m) continue;
        m->involved = 0;
        if (!follows) m->usual = member_usual(m, score);
    }
    asset->lead = place;
    asset->since = asset->back = 0;
    asset->returning = asset->rested = 0;
    note_peak(e, subject, asset);
    reason_of(e, subject, asset, &reason, said, sizeof said);
    return verdicts_begin(&e->verdicts, subject, &asset->episode, asset->time, verdict, &reason);
}

static bool finish(struct ensemble *e, uint32_t subject, struct asset *asset, const struct verdict *verdict,
                   enum verdict_ends how) {
    char said[SAID_MAX];
    struct reason reason;
    const struct member *lead = at_place(e, subject, asset->lead);
    reason_of(e, subject, asset, &reason, said, sizeof said);
    if (lead && (how == ENDS_LASTING || how == ENDS_REPLACED))
        keep_lasting(e, asset, lead, reason.tags ? reason.share[0] : 0);
    return verdicts_end(&e->verdicts, subject, &asset->episode, verdict, &reason, how);
}

enum news { KNOWN, RETURNS, GOES_ON, PEAK, ANOTHER };

/* Would it be an alarm without any other member? */
static bool is_sure(const struct ensemble *e, const struct asset *asset, const struct member *m) {
    return ensemble_counts(e, asset, m) - log10(asset->members) - log10(2) >= e->threshold;
}

/* The lead is on the other side of what is usual, and stays there: what is restless has both sides. */
static bool is_opposite(const struct ensemble *e, const struct asset *asset, const struct member *m) {
    return m->newest.why != FEATURE_LEVEL && said_family(&m->newest) == SERIES_LEVELS &&
           said_family(&m->at_peak) == SERIES_LEVELS && is_sure(e, asset, m) && member_is_steady(m, &m->usual);
}

static enum news news_of(struct ensemble *e, uint32_t subject, struct asset *asset, const struct verdict *verdict,
                         uint32_t place, const struct member *m) {
    static const double larger = 1.1;
    const bool own = place == asset->lead, part = own || m->involved;
    const bool greater = verdict->surprise > asset->episode.peak;
    if (tells_lasting(e, subject, asset, place, m)) return KNOWN;
    if (part && asset->returning <= RETURN_MOST && member_returns(m, &m->at_peak, &m->usual)) {
        asset->returning += !asset->back;
        return RETURNS;
    }
    if (own && said_side(&m->newest) * said_side(&m->at_peak) < 0) return is_opposite(e, asset, m) ? ANOTHER : GOES_ON;
    if (own && asset->rested && verdict->surprise > larger * asset->episode.peak) return ANOTHER;
    if (!part && asset->since > (uint64_t)e->reach && is_sure(e, asset, m)) return ANOTHER;
    return greater ? PEAK : GOES_ON;
}

static bool go_on(struct ensemble *e, uint32_t subject, struct asset *asset, const struct verdict *verdict,
                  uint32_t place, bool peak) {
    char said[SAID_MAX];
    struct reason reason;
    struct verdict here = *verdict;
    if (peak) {
        asset->lead = place;
        asset->rested = 0;
        note_peak(e, subject, asset);
    }
    here.surprise = peak ? here.surprise : fmin(here.surprise, asset->episode.peak);
    reason_of(e, subject, asset, &reason, said, sizeof said);
    return verdicts_go_on(&e->verdicts, subject, &asset->episode, asset->time, &here, &reason);
}

/* What goes on behind one that was told before. It is over when it has nothing to say any more. */
static bool follow_behind(struct ensemble *e, uint32_t subject, struct asset *asset, const struct verdict *verdict) {
    const struct member *lead = at_place(e, subject, asset->lead);
    if (!asset->back && !asset->rested) asset->episode.last = asset->time;
    if (asset->back < (uint64_t)e->hold || !lead) return true;
    if (ensemble_counts(e, asset, lead) >= surprised_from(asset)) return true;
    return finish(e, subject, asset, verdict, ENDS_BACK);
}

static bool follow_alarm(struct ensemble *e, uint32_t subject, struct asset *asset, const struct verdict *verdict,
                         uint32_t place) {
    const struct member *m = at_place(e, subject, place);
    const enum news news = m ? news_of(e, subject, asset, verdict, place, m) : GOES_ON;
    if (news == KNOWN) return follow_behind(e, subject, asset, verdict);
    if (news == RETURNS) return true;
    if (news != ANOTHER) return go_on(e, subject, asset, verdict, place, news == PEAK);
    return finish(e, subject, asset, verdict, asset->back || asset->rested ? ENDS_BACK : ENDS_REPLACED) &&
           begin(e, subject, asset, verdict, place, true);
}

bool faults_follow(struct ensemble *e, uint32_t subject, struct asset *asset, const struct verdict *verdict,
                   uint32_t place) {
    asset->quiet = verdict->alarm ? 0 : asset->quiet + 1;
    if (!watch_lasting(e, subject, asset, verdict->alarm)) return false;
    if (!asset->episode.active) {
        const struct member *m = verdict->alarm ? at_place(e, subject, place) : NULL;
        if (!verdict->alarm || (m && tells_lasting(e, subject, asset, place, m))) return true;
        return begin(e, subject, asset, verdict, place, false);
    }
    const struct member *lead = at_place(e, subject, asset->lead);
    asset->since++;
    asset->back = lead && member_is_back(lead, &lead->at_peak, &lead->usual) ? asset->back + 1 : 0;
    if (asset->back) asset->returning = 0;
    asset->rested |= asset->back > (uint64_t)e->reach;
    if (verdict->alarm) return follow_alarm(e, subject, asset, verdict, place);
    if (asset->quiet < (uint64_t)e->hold) return true;
    return finish(e, subject, asset, verdict, asset->back ? ENDS_BACK : ENDS_LASTING);
}

bool faults_stop(struct ensemble *e, uint32_t subject, struct asset *asset) {
    const struct verdict verdict = {.threshold = e->threshold};
    return !asset->episode.active || finish(e, subject, asset, &verdict, asset->back ? ENDS_BACK : ENDS_OPEN);
}
