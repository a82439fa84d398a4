// Every combination of key, number type, byte order, axis order, compression and zip64, against what numpy
// makes of it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/digest.hpp"
#include "base/file_descriptor.hpp"
#include "npz/half_volume.hpp"
#include "support/instruction_sets.hpp"
#include "support/process.hpp"

namespace ctclip {
namespace {

TEST(NpzMatrix, GivesNumpysBitsInEveryCombination) {
    TempDir const dir;
    ProcessResult const made =
        run_process({CTCLIP_PEER_PYTHON, CTCLIP_PEER_SCRIPTS "/make_npz_matrix.py", dir.path()});
    ASSERT_EQ(made.exit_code, 0) << made.err;
    auto const entries = nlohmann::json::parse(read_text_file(dir / "matrix.json"));
    ASSERT_EQ(entries.size(), 4U * 14 * 2 * 2 * 2);  // keys, types, orders, methods, with zip64 and without
    std::set<std::string> types;
    for (auto const& entry : entries) {
        SCOPED_TRACE(entry.dump());
        types.insert(entry.at("dtype"));
        NpzArray const array = read_npz(dir / entry.at("file"));
        EXPECT_EQ(array.key, entry.at("key"));
        EXPECT_EQ(array.shape, entry.at("shape").get<Shape>());
        EXPECT_EQ(array.is_fortran_order, entry.at("fortran_order"));
        EXPECT_EQ(array.is_big_endian, entry.at("big_endian"));
        for_each_instruction_set([&] {
            HalfVolume const volume = to_half(array);
            EXPECT_EQ(sha256_hex(std::as_bytes(std::span(volume.halves))), entry.at("halves"));
        });
    }
    EXPECT_EQ(types.size(), 14U);
}

}  // namespace
}  // namespace ctclip
