// The reader of CSVs.
#include "base/utf8.hpp"
#include "fuzz/fuzz_target.hpp"
#include "study/csv_reader.hpp"

namespace ctclip {
namespace {

void read_rows(std::span<std::uint8_t const> bytes) {
    static MemoryFile file;
    CsvReader reader(file.hold(bytes));
    std::size_t num_bytes = 0;
    std::size_t last_line = 0;
    while (reader.next()) {
        promise(reader.cells().size() == reader.header().size(), "a row has a cell for every column");
        promise(reader.line() > last_line, "lines count up");
        last_line = reader.line();
        for (std::string const& cell : reader.cells()) {
            promise(invalid_utf8_offset(cell) == std::string::npos, "cells are UTF-8");
            num_bytes += cell.size();
        }
    }
    promise(num_bytes <= bytes.size(), "cells hold no more than the file");
    promise(reader.column(reader.header().front()) == 0, "the first column is found");
}

}  // namespace
}  // namespace ctclip

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    return ctclip::read_or_refuse([&] { ctclip::read_rows({data, size}); });
}
