#include "CConcurrency.h"

// Named, and not looked up by name at run time: a program with the runtime in it shows its symbols to nobody.
extern cc_enqueue_hook swift_task_enqueueGlobal_hook;
extern cc_enqueue_hook swift_task_enqueueMainExecutor_hook;
extern cc_delayed_enqueue_hook swift_task_enqueueGlobalWithDelay_hook;

void cc_watch(cc_enqueue_hook pool, cc_enqueue_hook main_actor, cc_delayed_enqueue_hook delayed) {
    swift_task_enqueueGlobal_hook = pool;
    swift_task_enqueueMainExecutor_hook = main_actor;
    swift_task_enqueueGlobalWithDelay_hook = delayed;
}
