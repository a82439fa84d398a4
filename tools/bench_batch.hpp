/// Noise volumes and random reports to train on; owns what the HostBatch points to.
#pragma once

#include <cstdint>
#include <vector>

#include "loader/host_batch.hpp"
#include "model/model_options.hpp"

namespace ctclip {

struct RandomBatchShape {
    std::int64_t num_rows = 1;
    std::int64_t frames = 60;
    std::int64_t text_tokens = 200;
};

class RandomBatch {
  public:
    RandomBatch(ModelOptions const& model, RandomBatchShape const& shape);
    RandomBatch(RandomBatch const&) = delete;
    RandomBatch& operator=(RandomBatch const&) = delete;

    HostBatch const& batch() const { return batch_; }

  private:
    std::vector<float> volumes_;
    HostBatch batch_;
};

}  // namespace ctclip
