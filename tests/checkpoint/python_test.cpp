// Other programs read what we write: Python's h5py, and HDF5's own tools.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/digest.hpp"
#include "base/file_descriptor.hpp"
#include "checkpoint/checkpoint_file.hpp"
#include "checkpoint/example_state.hpp"
#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

constexpr char const* kReadWithH5py = R"(
import hashlib, json, sys, h5py
def read(group):
    return {name: [item.dtype.str, list(item.shape), hashlib.sha256(item[()].tobytes()).hexdigest()]
            for name, item in group.items()}
with h5py.File(sys.argv[1], "r") as file:
    plain = lambda value: value if isinstance(value, str) else value.item()
    print(json.dumps({
        "attributes": {name: plain(value) for name, value in file.attrs.items()},
        "scaler": {name: plain(value) for name, value in file["scaler"].attrs.items()},
        "model": read(file["model"]), "exp_avg": read(file["optimizer/exp_avg"]), "rng": read(file["rng"])}))
)";

void expect_arrays(nlohmann::json const& read, NamedArrays const& written) {
    ASSERT_EQ(read.size(), written.size());
    for (auto const& [name, array] : written) {
        EXPECT_EQ(read.at(name).at(1).get<Shape>(), array.shape) << name;
        EXPECT_EQ(read.at(name).at(2), sha256_hex(array.bytes)) << name;
    }
}

TEST(CheckpointInPython, OpensInH5pyAsItIs) {
    TempDir const dir;
    TrainState const state = example_state(1);
    write_checkpoint(dir / "a.h5", state);
    std::ofstream(dir / "read.py") << kReadWithH5py;
    std::string const command = fmt::format("{} {} {} > {}", CTCLIP_PEER_PYTHON, (dir / "read.py").string(),
                                            (dir / "a.h5").string(), (dir / "out.json").string());
    ASSERT_EQ(std::system(command.c_str()), 0) << command;

    auto const read = nlohmann::json::parse(read_text_file(dir / "out.json"));
    EXPECT_EQ(read.at("attributes").at("step"), 7);
    EXPECT_EQ(read.at("attributes").at("precision"), "fp16");
    EXPECT_EQ(read.at("attributes").at("config"), state.info.config);
    EXPECT_EQ(read.at("scaler").at("scale"), 65536.0);
    EXPECT_EQ(read.at("model").at("temperature").at(0), "<f4");
    expect_arrays(read.at("model"), state.model);
    expect_arrays(read.at("exp_avg"), state.exp_avg);
    expect_arrays(read.at("rng"), state.rng.arrays);
}

TEST(CheckpointInPython, OpensInH5dump) {
    TempDir const dir;
    write_checkpoint(dir / "a.h5", example_state(1));
    std::string const command =
        fmt::format("h5dump {} > {}", (dir / "a.h5").string(), (dir / "out.txt").string());
    ASSERT_EQ(std::system(command.c_str()), 0) << "is hdf5-tools installed?";
    EXPECT_THAT(read_text_file(dir / "out.txt"), testing::HasSubstr("to_text_latent.weight"));
}

}  // namespace
}  // namespace ctclip
