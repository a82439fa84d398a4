/// The two model sizes that benchmarks use, as in tests/peers/train_peer.py.
#pragma once

#include <string_view>

#include "config/schema.hpp"
#include "model/model_options.hpp"

namespace ctclip {

enum class BenchModel {
    kFull,   ///< the published CT-CLIP: volumes of 480x480x240, 284 M trained parameters
    kSmall,  ///< volumes of 120x120x60; steps of a fraction of a second
};

std::string_view name_of(BenchModel size);  ///< "full", "small"
ModelOptions bench_model_options(BenchModel size);
void bind_bench_model(Schema& schema, BenchModel& size);  ///< --size

}  // namespace ctclip
