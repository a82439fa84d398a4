// ctclip-ckpt diff: how far apart two states or weight files are.
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.hpp"
#include "checkpoint/checkpoint_file.hpp"
#include "checkpoint/tensor_summary.hpp"
#include "checkpoint/weight_file.hpp"
#include "tools/ctclip_ckpt.hpp"

namespace ctclip {
namespace {

using nlohmann::ordered_json;

struct DiffOptions {
    std::filesystem::path a;
    std::filesystem::path b;
    bool model_only = false;
};

/// One side: a checkpoint's whole state, or a weight file's tensors as its `model`.
TrainState load(std::filesystem::path const& path, bool model_only) {
    if (is_checkpoint(path) && !model_only) {
        return read_checkpoint(path);
    }
    TrainState state;
    state.model = read_weight_file(path).tensors;
    return state;
}

class Comparison {
  public:
    explicit Comparison(ToolContext& tool) : tool_(tool) {}

    void compare_tensors(std::string const& group, NamedArrays const& a, NamedArrays const& b) {
        for (std::string const& name : union_of_names(a, b)) {
            auto const left = a.find(name);
            auto const right = b.find(name);
            ++num_compared_;
            if (left == a.end() || right == b.end()) {
                report(group + name, left == a.end() ? "only in B" : "only in A", {});
            } else {
                compare_pair(group + name, left->second, right->second);
            }
        }
    }

    void compare_group(std::string const& group, StateGroup const& a, StateGroup const& b) {
        compare_tensors(group, a.arrays, b.arrays);
        for (std::string const& name : union_of_names(a.scalars, b.scalars)) {
            auto const left = a.scalars.find(name);
            auto const right = b.scalars.find(name);
            ++num_compared_;
            if (left == a.scalars.end() || right == b.scalars.end() || left->second != right->second) {
                report(group + name,
                       fmt::format("{} in A, {} in B", text_of(a.scalars, left), text_of(b.scalars, right)),
                       {});
            }
        }
    }

    ExitCode finish() {
        if (tool_.is_json()) {
            tool_.write_json({{"schema", "ctclip.ckpt.diff/1"},
                              {"equal", records_.empty()},
                              {"num_compared", num_compared_},
                              {"max_absolute", max_absolute_},
                              {"differences", records_}});
        } else if (records_.empty()) {
            tool_.print("equal: {} entries\n", num_compared_);
        } else {
            tool_.print("different: {} of {} entries, largest difference {:.6g}\n", records_.size(),
                        num_compared_, max_absolute_);
        }
        return records_.empty() ? ExitCode::kDone : ExitCode::kDifferent;
    }

  private:
    using Scalars = std::map<std::string, Scalar>;

    template <class Map>
    static std::set<std::string> union_of_names(Map const& a, Map const& b) {
        std::set<std::string> names;
        for (auto const* map : {&a, &b}) {
            for (auto const& [name, value] : *map) {
                names.insert(name);
            }
        }
        return names;
    }

    static std::string text_of(Scalars const& scalars, Scalars::const_iterator entry) {
        return entry == scalars.end()
                   ? "absent"
                   : std::visit([](auto const& value) { return fmt::format("{}", value); }, entry->second);
    }

    void compare_pair(std::string const& name, Array const& a, Array const& b) {
        if (a == b) {
            return;
        }
        if (a.shape != b.shape) {
            return report(name, fmt::format("shape {} in A, {} in B", to_string(a.shape), to_string(b.shape)),
                          {});
        }
        TensorDifference const difference = compare(a, b);
        std::string const types =
            a.type == b.type
                ? ""
                : fmt::format("{} in A, {} in B; ", python_dtype_name(a.type), python_dtype_name(b.type));
        max_absolute_ = std::max(max_absolute_, difference.max_absolute);
        report(name,
               fmt::format("{}{} of {} elements differ, by at most {:.6g} (relative {:.6g})", types,
                           difference.num_different, element_count(a.shape), difference.max_absolute,
                           difference.max_relative),
               {{"num_different", difference.num_different},
                {"max_absolute", difference.max_absolute},
                {"max_relative", difference.max_relative}});
    }

    void report(std::string const& name, std::string const& what, ordered_json const& numbers) {
        ordered_json record{{"name", name}, {"what", what}};
        record.update(numbers.is_null() ? ordered_json::object() : numbers);
        records_.push_back(std::move(record));
        if (!tool_.is_json()) {
            tool_.print("{}: {}\n", name, what);
        }
    }

    ToolContext& tool_;
    ordered_json records_ = ordered_json::array();
    std::size_t num_compared_ = 0;
    double max_absolute_ = 0.0;
};

ExitCode diff(ToolContext& tool, DiffOptions const& options) {
    bool const both_checkpoints = is_checkpoint(options.a) && is_checkpoint(options.b);
    bool const model_only = options.model_only || !both_checkpoints;
    TrainState const a = load(options.a, model_only);
    TrainState const b = load(options.b, model_only);
    Comparison comparison(tool);
    comparison.compare_tensors(model_only ? "" : "model/", a.model, b.model);
    if (!model_only) {
        comparison.compare_tensors("optimizer/exp_avg/", a.exp_avg, b.exp_avg);
        comparison.compare_tensors("optimizer/exp_avg_sq/", a.exp_avg_sq, b.exp_avg_sq);
        comparison.compare_group("scaler/", a.scaler, b.scaler);
        comparison.compare_group("schedule/", a.schedule, b.schedule);
        comparison.compare_group("sampler/", a.sampler, b.sampler);
        comparison.compare_group("rng/", a.rng, b.rng);
        comparison.compare_group("codebook/", a.codebook, b.codebook);
        comparison.compare_group("", {{{"step", a.info.step}, {"epoch", a.info.epoch}}, {}},
                                 {{{"step", b.info.step}, {"epoch", b.info.epoch}}, {}});
    }
    return comparison.finish();
}

}  // namespace

ToolCommand ckpt_diff_command() {
    return make_command<DiffOptions>(
        "diff", "compares two checkpoints (whole state) or weight files: exit 0 when equal, 1 when different",
        {{"ctclip-ckpt diff a/step-00000020.h5 b/step-00000020.h5", "did resuming give the same bits?"},
         {"ctclip-ckpt diff step-00001000.h5 model.safetensors", "the weights alone"}},
        [](Schema& schema, DiffOptions& options) {
            schema.positional("A", options.a, "checkpoint or weight file").required();
            schema.positional("B", options.b, "checkpoint or weight file").required();
            schema.option("--model-only", options.model_only, "of checkpoints, compare the weights alone");
        },
        diff);
}

}  // namespace ctclip
