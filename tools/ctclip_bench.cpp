#include "tools/ctclip_bench.hpp"

int main(int argc, char** argv) {
    return ctclip::run_tool(argc, argv,
                            {"ctclip-bench",
                             "measures one part of the suite; records are JSON lines on stdout",
                             {ctclip::bench_checkpoint_command(), ctclip::bench_convert_command(),
                              ctclip::bench_loader_command(), ctclip::bench_precision_command(),
                              ctclip::bench_sync_command(), ctclip::bench_tokens_command(),
                              ctclip::bench_train_command()}});
}
