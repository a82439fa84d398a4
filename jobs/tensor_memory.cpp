// jemalloc's settings, read by it when the program starts (MALLOC_CONF in the environment wins).
//
// A step makes and drops the same large tensors as the step before. The C library maps and unmaps each of them, and the
// kernel clears every page again: a sixth of a CPU step. Here freed memory stays with the program (no decay), large
// tensors share it (no oversize threshold), all threads use one pool, and pages are huge.
extern "C" char const* const malloc_conf =
    "narenas:1,dirty_decay_ms:-1,muzzy_decay_ms:-1,oversize_threshold:0,thp:always";
