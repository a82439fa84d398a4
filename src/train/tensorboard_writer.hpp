/// Scalars as TensorBoard event files, so that the usual tool shows the run beside any other.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file_descriptor.hpp"

namespace ctclip {

/// Appends to `<folder>/events.out.tfevents.<seconds>.<host>.<pid>`, the last file of the folder by name, as
/// TensorBoard reads them: records of {u64 length, masked CRC-32C
/// of the length, payload, masked CRC-32C of the payload}; the payload is a tensorflow.Event protobuf with
/// simple values. Each write is one whole record, so a killed run leaves a readable file.
class TensorboardWriter {
  public:
    /// Events of earlier files of the folder at `first_step` or later disappear from view: the steps after the
    /// checkpoint from which a run goes on come again.
    /// @param first_step  that will be written
    /// @throws Error kCannotCreate
    TensorboardWriter(std::filesystem::path const& folder, std::int64_t first_step);

    /// @param tags_and_values  such as {"train/loss", 2.31}; non-finite values are kept, TensorBoard shows
    /// them.
    void write_scalars(std::int64_t step, std::vector<std::pair<std::string, double>> const& tags_and_values);

  private:
    void append_record(std::string_view event);

    std::filesystem::path path_;
    FileDescriptor file_;
};

}  // namespace ctclip
