/// CTCLIP_CPU_CLONES: compiles a CPU loop for several x86 levels; the program picks one when it starts.
/// Results are the same on every level: the compiler neither fuses nor reorders floating-point operations.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__) && \
    !defined(__SANITIZE_ADDRESS__)
#define CTCLIP_CPU_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define CTCLIP_CPU_CLONES
#endif
