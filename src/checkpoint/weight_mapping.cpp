#include "checkpoint/weight_mapping.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <set>

#include "base/error.hpp"
#include "checkpoint/tensor_summary.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kMostNamesShown = 8;
constexpr std::string_view kText = "text_transformer.";

/// Parts of other models that CT-CLIP does not have; prefixes of names after mapping.
constexpr std::array<std::string_view, 7> kKnownUseless = {"text_transformer.cls.",
                                                           "text_transformer.cls_projection_head.",
                                                           "text_transformer.embeddings.token_type_ids",
                                                           "visual_transformer.dec_spatial_transformer.",
                                                           "visual_transformer.dec_temporal_transformer.",
                                                           "visual_transformer.vq._codebook.embed_avg",
                                                           "logit_bias"};

WeightLayout find_layout(NamedArrays const& tensors) {
    auto const has_prefix = [&](std::string const& prefix) {
        auto const next = tensors.lower_bound(prefix);
        return next != tensors.end() && next->first.starts_with(prefix);
    };
    if (has_prefix("text_transformer.bert.")) {
        return WeightLayout::kFork;
    }
    bool const is_bert = tensors.contains("embeddings.word_embeddings.weight") ||
                         tensors.contains("bert.embeddings.word_embeddings.weight");
    return is_bert && !has_prefix("visual_transformer.") ? WeightLayout::kBert : WeightLayout::kClip;
}

bool remove_prefix(std::string& name, std::string_view prefix) {
    bool const has_it = name.starts_with(prefix);
    if (has_it) {
        name.erase(0, prefix.size());
    }
    return has_it;
}

void replace_suffix(std::string& name, std::string_view old, std::string_view replacement) {
    if (name.ends_with(old)) {
        name.replace(name.size() - old.size(), old.size(), replacement);
    }
}

std::string map_name(std::string name, WeightLayout layout) {
    if (layout == WeightLayout::kBert) {
        remove_prefix(name, "bert.");
        name.insert(0, kText);
    }
    if (layout == WeightLayout::kFork && name.starts_with("text_transformer.bert.")) {
        remove_prefix(name, "text_transformer.bert.");
        name.insert(0, kText);
    }
    if (name.starts_with(kText)) {  // files written before 2019
        replace_suffix(name, "LayerNorm.gamma", "LayerNorm.weight");
        replace_suffix(name, "LayerNorm.beta", "LayerNorm.bias");
    }
    return name;
}

bool is_float(DType type) {
    return type == DType::kF64 || type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
}

template <class T>
std::vector<std::byte> convert_elements(Array const& array) {
    ValueReader const read = value_reader(array.type);
    std::size_t const item_bytes = item_size_bytes(array.type);
    std::size_t const count = array.bytes.size() / item_bytes;
    std::vector<std::byte> bytes(count * sizeof(T));
    for (std::size_t i = 0; i < count; ++i) {
        auto const value = static_cast<T>(read(array.bytes.data() + i * item_bytes));
        std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof value);
    }
    return bytes;
}

/// The array in the model's dtype; nothing if that would change what it means.
std::optional<Array> convert(Array array, DType type) {
    if (array.type == type) {
        return array;
    }
    if (is_float(array.type) && type == DType::kF32) {
        return Array{type, array.shape, convert_elements<float>(array)};
    }
    bool const is_small_integer = array.type == DType::kI32 || array.type == DType::kI16 ||
                                  array.type == DType::kI8 || array.type == DType::kU8;
    if (is_small_integer && type == DType::kI64) {
        return Array{type, array.shape, convert_elements<std::int64_t>(array)};
    }
    return std::nullopt;
}

bool is_known_useless(std::string_view name) {
    return std::any_of(kKnownUseless.begin(), kKnownUseless.end(),
                       [&](std::string_view prefix) { return name.starts_with(prefix); });
}

std::string first_names(std::vector<std::string> const& names) {
    std::size_t const shown = std::min(names.size(), kMostNamesShown);
    std::string text =
        fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), "; "));
    return shown == names.size() ? text : fmt::format("{}; and {} more", text, names.size() - shown);
}

std::string find_conflict(WeightFile const& file) {
    return file.switches.contains("use_swiglu")
               ? "The file's configuration says use_swiglu: true: names and shapes are those of CT-CLIP, but "
                 "the "
                 "weights belong to SwiGLU layers where CT-CLIP has GEGLU, and would give wrong results"
               : "";
}

}  // namespace

std::string_view layout_name(WeightLayout layout) {
    switch (layout) {
        case WeightLayout::kClip:
            return "CT-CLIP";
        case WeightLayout::kFork:
            return "CTCLIP_MODERN";
        case WeightLayout::kBert:
            return "BERT";
    }
    return "";
}

WeightMapping map_weights(WeightFile file, KeyTable const& model, std::string const& what) {
    std::map<std::string_view, KeySpec const*> specs;
    for (KeySpec const& spec : model) {
        specs[spec.name] = &spec;
    }
    WeightMapping mapping;
    mapping.layout = find_layout(file.tensors);
    mapping.conflict = find_conflict(file);
    std::set<std::string> present;
    while (!file.tensors.empty()) {
        auto node = file.tensors.extract(file.tensors.begin());
        std::string const name = map_name(node.key(), mapping.layout);
        auto const spec = specs.find(name);
        if (spec == specs.end()) {
            (is_known_useless(name) ? mapping.ignored : mapping.unexpected).push_back(node.key());
            continue;
        }
        require(present.insert(name).second, ExitCode::kBadInput, "{}: two tensors would become {}", what,
                name);
        Array const& array = node.mapped();
        if (array.shape != spec->second->shape) {
            mapping.mismatched.push_back(fmt::format("{} has shape {}, the model needs {}", node.key(),
                                                     to_string(array.shape), to_string(spec->second->shape)));
            continue;
        }
        DType const type = array.type;
        auto converted = convert(std::move(node.mapped()), spec->second->type);
        if (!converted) {
            mapping.mismatched.push_back(fmt::format("{} is {}, the model needs {}", node.key(),
                                                     python_dtype_name(type),
                                                     python_dtype_name(spec->second->type)));
            continue;
        }
        mapping.tensors.emplace(name, std::move(*converted));
    }
    for (KeySpec const& spec : model) {
        bool const is_outside = mapping.layout == WeightLayout::kBert && !spec.name.starts_with(kText);
        if (!present.contains(spec.name)) {
            (spec.may_be_absent || is_outside ? mapping.absent : mapping.missing).push_back(spec.name);
        }
    }
    return mapping;
}

void require_fit(WeightMapping const& mapping, std::string const& what) {
    std::vector<std::string> problems;
    if (!mapping.conflict.empty()) {
        problems.push_back(mapping.conflict);
    }
    if (!mapping.missing.empty()) {
        problems.push_back(
            fmt::format("{} tensors are missing: {}", mapping.missing.size(), first_names(mapping.missing)));
    }
    if (!mapping.mismatched.empty()) {
        problems.push_back(
            fmt::format("{} do not match: {}", mapping.mismatched.size(), first_names(mapping.mismatched)));
    }
    if (!mapping.unexpected.empty()) {
        problems.push_back(fmt::format("{} are of no known use: {}", mapping.unexpected.size(),
                                       first_names(mapping.unexpected)));
    }
    require(problems.empty(), ExitCode::kBadInput,
            "{}: the weights (layout {}) do not fit the model. {}. Check the sizes under `model:`, or "
            "whether the file "
            "holds another architecture",
            what, layout_name(mapping.layout), fmt::join(problems, ". "));
}

void require_finite(NamedArrays const& tensors, std::string const& what) {
    std::vector<std::string> names;
    for (auto const& [name, array] : tensors) {
        TensorSummary const summary = summarise(array);
        if (summary.num_nan + summary.num_inf > 0) {
            names.push_back(fmt::format("{} ({} NaN, {} infinite)", name, summary.num_nan, summary.num_inf));
        }
    }
    require(names.empty(), ExitCode::kBadInput, "{}: weights that are not finite: {}", what,
            first_names(names));
}

}  // namespace ctclip
