/// The parts that ctclip-bench measures, one file each (ctclip_bench_<part>.cpp). Records are JSON lines on
/// stdout.
#pragma once

#include <chrono>
#include <ctime>

#include "tools/tool_frame.hpp"

namespace ctclip {

ToolCommand bench_checkpoint_command();
ToolCommand bench_convert_command();
ToolCommand bench_loader_command();
ToolCommand bench_precision_command();
ToolCommand bench_sync_command();
ToolCommand bench_tokens_command();
ToolCommand bench_train_command();

/// Wall and processor time of this process since construction.
class BenchClock {
  public:
    double wall_s() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - wall_start_).count();
    }
    double cpu_s() const { return process_cpu_s() - cpu_start_s_; }

  private:
    static double process_cpu_s() {
        std::timespec time{};
        ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
    }

    std::chrono::steady_clock::time_point wall_start_ = std::chrono::steady_clock::now();
    double cpu_start_s_ = process_cpu_s();
};

}  // namespace ctclip
