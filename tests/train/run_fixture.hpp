/// A tiny data set that all ranks share, and options of a run on it.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "base/log.hpp"
#include "checkpoint/checkpoint_file.hpp"
#include "checkpoint/checkpoint_store.hpp"
#include "dist/gather_bytes.hpp"
#include "mpi/mpi_communicator.hpp"
#include "support/temp_dir.hpp"
#include "support/tiny_dataset.hpp"
#include "train/trainer.hpp"

namespace ctclip {

inline bool never() {
    return false;
}

class RunFixture : public testing::Test {
  protected:
    /// 16 studies; a step takes 4 of them over all ranks.
    RunFixture() : folder_(broadcast_text(dir_.path().string(), 0, ranks_)) {
        set_log_level(LogLevel::kError);
        if (ranks_.rank() == 0) {
            write_tiny_shard(folder_ / "shards", 16);
            write_tiny_vocabulary(folder_ / "vocab.txt");
        }
        ranks_.barrier();
        options_ = tiny_train_options(folder_);
        options_.data.batch_size = 4 / ranks_.world_size();
    }
    ~RunFixture() override { ranks_.barrier(); }

    TrainWorld world(Communicator& ranks) const { return {ranks, ranks, at::kCPU, "test", 1}; }
    /// On all ranks.
    Trainer trainer() { return Trainer(options_, config_, world(ranks_)); }

    TrainState checkpoint(TrainOptions const& options, std::int64_t step) {
        ranks_.barrier();  // rank 0 has written it
        return read_checkpoint(options.run.dir / "checkpoints" / checkpoint_name(step));
    }

    TempDir dir_;
    MpiCommunicator ranks_{MPI_COMM_WORLD};
    std::filesystem::path folder_;  // rank 0's
    TrainOptions options_;
    std::string config_;
};

}  // namespace ctclip
