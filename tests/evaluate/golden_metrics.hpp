/// Golden data of golden/metrics (spec: its README): scores and labels in safetensors, expected values in
/// JSON.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/file_descriptor.hpp"
#include "checkpoint/safetensors_file.hpp"
#include "evaluate/score_table.hpp"

namespace ctclip {

inline constexpr double kGoldenTolerance = 1e-14;

inline std::filesystem::path golden_path(std::string const& name) {
    return std::filesystem::path(CTCLIP_TEST_DATA) / "evaluate" / name;
}
inline nlohmann::json golden_json(std::string const& name) {
    return nlohmann::json::parse(read_text_file(golden_path(name + ".json")));
}
inline NamedArrays golden_arrays(std::string const& name) {
    return read_safetensors(golden_path(name + ".safetensors"));
}

inline std::vector<double> as_doubles(Array const& array) {
    if (array.type == DType::kF32) {
        return {array.as<float>().begin(), array.as<float>().end()};
    }
    return {array.as<double>().begin(), array.as<double>().end()};
}

inline ScoreTable golden_table(std::string const& name) {
    NamedArrays const arrays = golden_arrays(name);
    Array const& scores = arrays.at("scores");
    ScoreTable table;
    table.num_samples = static_cast<std::size_t>(scores.shape.at(0));
    for (std::int64_t i = 0; i < scores.shape.at(1); ++i) {
        table.class_names.push_back("class " + std::to_string(i));
    }
    table.scores = as_doubles(scores);
    table.precision = scores.type == DType::kF32 ? ScorePrecision::kFloat32 : ScorePrecision::kFloat64;
    auto const labels = arrays.at("labels").as<std::uint8_t>();
    table.labels.assign(labels.begin(), labels.end());
    return table;
}

/// null in JSON stands for NaN.
inline void expect_near(double actual, nlohmann::json const& expected, std::string const& what) {
    if (expected.is_null()) {
        EXPECT_TRUE(std::isnan(actual)) << what << ": " << actual << ", expected NaN";
    } else {
        EXPECT_NEAR(actual, expected.get<double>(), kGoldenTolerance) << what;
    }
}

}  // namespace ctclip
