// The hooks by which the runtime of Swift's concurrency shows what becomes of jobs. No header of Swift's declares them.
#pragma once

#include <stdint.h>

typedef void (*cc_enqueue)(void *job);
typedef void (*cc_enqueue_hook)(void *job, cc_enqueue original);
typedef void (*cc_delayed_enqueue)(uint64_t delay, void *job);
typedef void (*cc_delayed_enqueue_hook)(uint64_t delay, void *job, cc_delayed_enqueue original);

/// From now on these are called in place of the runtime's own, for jobs that go to the global pool, to the main actor, and to the
/// pool after a delay by the system's clock.
void cc_watch(cc_enqueue_hook pool, cc_enqueue_hook main_actor, cc_delayed_enqueue_hook delayed);
