/// metrics.jsonl of a run: one JSON object a line, for every step and validation.
#pragma once

#include <cstdint>
#include <filesystem>

#include <nlohmann/json_fwd.hpp>

#include "base/file_descriptor.hpp"

namespace ctclip {

/// Where a run goes on.
struct LastSteps {
    std::int64_t trained = 0;
    std::int64_t validated = trained;  ///< a validation of a later step is still to come
};

class MetricsLog {
  public:
    /// Opens for appending after dropping what a resume will write again: every line whose `step` is
    /// beyond the last, and a last line without its end. Other lines stay as they are.
    /// @throws Error kIoError, kCannotCreate
    MetricsLog(std::filesystem::path path, LastSteps const& last);

    /// One whole line in one write.
    void append(nlohmann::ordered_json const& record);

  private:
    std::filesystem::path path_;
    FileDescriptor file_;
};

}  // namespace ctclip
