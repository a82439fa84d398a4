/// What a run is, for people before it starts and for the record beside its checkpoints.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "model/parameter_set.hpp"
#include "train/peak_rate.hpp"
#include "train/run_inputs.hpp"
#include "train/train_world.hpp"

namespace ctclip {

/// Lines: device, precision, sizes, memory, data, steps.
std::vector<std::string> describe_run(TrainOptions const& options, RunInputs const& inputs,
                                      ParameterSet const& parameters, TrainWorld const& world);

/// The content of run.json. @param first_step  steps that earlier starts have done.
nlohmann::ordered_json run_record(TrainOptions const& options, RunInputs const& inputs,
                                  ParameterSet const& parameters, TrainWorld const& world, PeakRate const& peak,
                                  std::int64_t first_step);

}  // namespace ctclip
