#include "drive.h"

#include <stdio.h>
#include <unistd.h>

#include <potline/error.h>

#include "base/message.h"

static const pl_time usual_patience = 10 * PL_SECOND;
enum { STATUS_MS = 500 };

static void end_loop(struct pl_drive *drive) {
    uv_handle_t *handles[] = {
        (uv_handle_t *)&drive->interrupt, (uv_handle_t *)&drive->terminate, (uv_handle_t *)&drive->limit,
        (uv_handle_t *)&drive->drain,     (uv_handle_t *)&drive->status,    (uv_handle_t *)&drive->changed,
        (uv_handle_t *)&drive->rest,      (uv_handle_t *)&drive->pulse,     (uv_handle_t *)&drive->reread};
    for (size_t i = 0; i < PL_COUNT_OF(handles); i++)
        if (!uv_is_closing(handles[i])) uv_close(handles[i], NULL);
}

static void fall(struct pl_drive *drive) {
    drive->fallen = true;
    drive->delay = 0;
    uv_timer_stop(&drive->drain);
    uv_stop(&drive->loop);
}

static void drain_over(uv_timer_t *timer) {
    struct pl_drive *drive = timer->data;
    if (drive->handing && !drive->stopping) { /* what was not worked off comes again */
        fall(drive);
        return;
    }
    fprintf(stderr, "potline: not everything under way was worked off within %.0f s\n",
            (double)drive->patience / (double)PL_SECOND);
    drive->forced = true;
    end_loop(drive);
}

static void stop_engine(struct pl_drive *drive) {
    if (atomic_load(&drive->windows_close))
        pl_engine_drain(drive->engine);
    else
        pl_engine_stop(drive->engine);
}

static void stop(struct pl_drive *drive) {
    if (drive->stopping) return;
    drive->stopping = true;
    if (drive->pace) drive->beat(drive);     /* whoever watches hears of it at once */
    if (drive->resting || drive->awaiting) { /* all there is is in the log */
        uv_stop(&drive->loop);
        return;
    }
    if (drive->patience <= 0) {
        drive->forced = true;
        end_loop(drive);
        return;
    }
    stop_engine(drive);
    uv_timer_start(&drive->drain, drain_over, (uint64_t)(drive->patience / PL_MILLISECOND), 0);
}

/* The first time: an orderly end. The second: now. */
static void on_signal(uv_signal_t *signal, int number) {
    struct pl_drive *drive = signal->data;
    (void)number;
    if (drive->stopping && !drive->resting) {
        drive->forced = true;
        end_loop(drive);
        return;
    }
    stop(drive);
}

static void on_hangup(uv_signal_t *signal, int number) {
    struct pl_drive *drive = signal->data;
    (void)number;
    if (!drive->stopping) drive->hangup(drive);
}

static void time_is_up(uv_timer_t *timer) {
    stop(timer->data);
}

/* True: there is nothing more to be looked at. */
static bool hands_over(struct pl_drive *drive) {
    int hand = atomic_load(&drive->hand);
    if (hand == PL_HAND_LOST) {
        fall(drive);
        return true;
    }
    bool ends = hand != PL_HAND_NONE || atomic_load(&drive->renews);
    if (!ends || drive->handing || drive->stopping) return false;
    drive->handing = true;
    pl_engine_hand_over(drive->engine);
    uv_timer_start(&drive->drain, drain_over, (uint64_t)(usual_patience / PL_MILLISECOND), 0);
    return false;
}

/* Nothing is at work. */
static void wait_on(struct pl_drive *drive) {
    if (atomic_exchange(&drive->hand, PL_HAND_NONE)) {
        atomic_store(&drive->begins, false); /* as it was before; it is said anew behind this change */
        drive->rested(drive);
    }
    if (atomic_load(&drive->begins)) uv_stop(&drive->loop);
}

static void on_changed(uv_async_t *async) {
    struct pl_drive *drive = async->data;
    struct pl_error *error = NULL;
    if (drive->awaiting) wait_on(drive);
    if (drive->resting && atomic_load(&drive->hand)) uv_stop(&drive->loop); /* the group waits for us */
    if (!drive->engine || drive->ended || drive->fallen) return;
    if (atomic_load(&drive->asked)) stop(drive);
    if (hands_over(drive)) return;
    if (pl_engine_fallen(drive->engine, &drive->delay)) {
        drive->fallen = true;
        if (!drive->stopping) uv_timer_stop(&drive->drain); /* what was to be handed over is not waited for any more */
        uv_stop(&drive->loop);
        return;
    }
    enum pl_code code = pl_engine_wait(drive->engine, 1, &error);
    if (code == PL_BUSY) {
        if (pl_engine_check(drive->engine, NULL)) stop(drive); /* a sink without its peer must not keep us for ever */
        return;
    }
    if (drive->handing && !drive->stopping && !code) {
        fall(drive);
        return;
    }
    drive->ended = true;
    drive->code = code;
    drive->error = error;
    end_loop(drive);
}

void pl_drive_stop(void *arg, bool drain) {
    struct pl_drive *drive = arg;
    if (drain) atomic_store(&drive->windows_close, true);
    atomic_store(&drive->asked, true);
    uv_async_send(&drive->changed);
}

void pl_drive_notify(void *arg) {
    struct pl_drive *drive = arg;
    uv_async_send(&drive->changed);
}

static void show_status(uv_timer_t *timer) {
    struct pl_drive *drive = timer->data;
    fputc('\r', stderr);
    drive->show(drive);
    fflush(stderr);
    drive->shown = true;
    pl__diag_progress(true);
}

static void on_pulse(uv_timer_t *timer) {
    struct pl_drive *drive = timer->data;
    drive->beat(drive);
    if (uv_timer_get_repeat(timer) != drive->pace) uv_timer_start(timer, on_pulse, drive->pace, drive->pace);
}

void pl_drive_init(struct pl_drive *drive) {
    *drive = (struct pl_drive){.patience = usual_patience};
    uv_loop_init(&drive->loop);
    uv_signal_init(&drive->loop, &drive->interrupt);
    uv_signal_init(&drive->loop, &drive->terminate);
    uv_signal_init(&drive->loop, &drive->reread);
    uv_timer_init(&drive->loop, &drive->limit);
    uv_timer_init(&drive->loop, &drive->drain);
    uv_timer_init(&drive->loop, &drive->status);
    uv_async_init(&drive->loop, &drive->changed, on_changed);
    uv_timer_init(&drive->loop, &drive->rest);
    uv_timer_init(&drive->loop, &drive->pulse);
    drive->interrupt.data = drive->terminate.data = drive->reread.data = drive->limit.data = drive->drain.data =
        drive->status.data = drive->changed.data = drive->rest.data = drive->pulse.data = drive;
    uv_signal_start(&drive->interrupt, on_signal, SIGINT); /* what comes while the engine is made waits for the loop */
    uv_signal_start(&drive->terminate, on_signal, SIGTERM);
}

void pl_drive_on_hangup(struct pl_drive *drive, void (*hangup)(struct pl_drive *drive)) {
    drive->hangup = hangup;
    uv_signal_start(&drive->reread, on_hangup, SIGHUP);
}

void pl_drive_fini(struct pl_drive *drive) {
    end_loop(drive);
    uv_run(&drive->loop, UV_RUN_DEFAULT);
    uv_loop_close(&drive->loop);
}

enum pl_code pl_drive_work(struct pl_drive *drive, pl_time limit, struct pl_error **error) {
    bool again = drive->begun;
    drive->fallen = false;
    if (!again) drive->begun = uv_hrtime();
    enum pl_code code = pl_engine_start(drive->engine, error);
    if (code) return code;
    if (drive->stopping) stop_engine(drive);
    if (limit && !again) uv_timer_start(&drive->limit, time_is_up, (uint64_t)(limit / PL_MILLISECOND), 0);
    if (drive->pace && !again) uv_timer_start(&drive->pulse, on_pulse, 0, drive->pace);
    if (drive->show && isatty(STDERR_FILENO)) uv_timer_start(&drive->status, show_status, STATUS_MS, STATUS_MS);
    uv_run(&drive->loop, UV_RUN_DEFAULT);
    if (drive->fallen) uv_timer_stop(&drive->status);
    pl__diag_progress(false);
    if (drive->shown) fputs("\r\033[K", stderr);
    if (drive->fallen && !drive->forced) return PL_OK;
    if (drive->forced) pl_engine_check(drive->engine, &drive->error);
    if (drive->error) *error = drive->error;
    return drive->forced ? PL_BUSY : drive->code;
}

void pl_drive_hand_over(struct pl_drive *drive, bool lost) {
    atomic_store(&drive->hand, lost ? PL_HAND_LOST : PL_HAND_OVER);
    uv_async_send(&drive->changed);
}

void pl_drive_renew(void *arg) {
    struct pl_drive *drive = arg;
    atomic_store(&drive->renews, true);
    uv_async_send(&drive->changed);
}

void pl_drive_begin(struct pl_drive *drive) {
    atomic_store(&drive->begins, true);
    uv_async_send(&drive->changed);
}

bool pl_drive_await(struct pl_drive *drive) {
    drive->engine = NULL;
    drive->handing = false;
    drive->awaiting = true;
    uv_async_send(&drive->changed);
    if (!drive->stopping) uv_run(&drive->loop, UV_RUN_DEFAULT);
    drive->awaiting = false;
    return atomic_exchange(&drive->begins, false) && !drive->stopping && !drive->forced;
}

static void rested(uv_timer_t *timer) {
    uv_stop(timer->loop);
}

bool pl_drive_rest(struct pl_drive *drive) {
    drive->engine = NULL;
    if (drive->delay > 0 && !drive->stopping && !atomic_load(&drive->hand)) {
        drive->resting = true;
        uv_update_time(&drive->loop);
        uv_timer_start(&drive->rest, rested, (uint64_t)(drive->delay / PL_MILLISECOND), 0);
        uv_run(&drive->loop, UV_RUN_DEFAULT);
        uv_timer_stop(&drive->rest);
        drive->resting = false;
        if (drive->stopping) return false;
    }
    return !drive->forced;
}

bool pl_drive_try_again(struct pl_drive *drive) {
    if (drive->stopping || drive->forced) return false;
    drive->fallen = true;
    drive->delay = PL_SECOND;
    return true;
}

bool pl_drive_go_on(struct pl_drive *drive) {
    bool handed = atomic_load(&drive->hand) != PL_HAND_NONE;
    atomic_store(&drive->renews, false);
    drive->handing = false;
    if (!handed && !pl_drive_rest(drive)) return false;
    return atomic_load(&drive->hand) == PL_HAND_NONE || pl_drive_await(drive);
}

double pl_drive_seconds(const struct pl_drive *drive) {
    return (double)(uv_hrtime() - drive->begun) * 1e-9;
}
