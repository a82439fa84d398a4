#include "train/metrics_log.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>

#include "base/durable_file.hpp"
#include "base/error.hpp"

namespace ctclip {
namespace {

bool is_validation(nlohmann::json const& record) {
    return std::ranges::any_of(record.items(), [](auto const& item) { return item.key().starts_with("val_"); });
}

void drop_later_steps(std::filesystem::path const& path, LastSteps const& last) {
    std::string const text = read_text_file(path);
    std::string kept;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        bool const is_torn = lines.eof();  // the last line, without its end
        auto const record = nlohmann::json::parse(line, nullptr, false);
        auto const step = record.is_object() ? record.find("step") : record.end();
        bool const will_come_again = step != record.end() && step->is_number() &&
                                     *step > (is_validation(record) ? last.validated : last.trained);
        if (!is_torn && !will_come_again) {
            kept += line + "\n";
        }
    }
    if (kept != text) {
        write_durably(path, kept, IfExists::kReplace);
    }
}

}  // namespace

MetricsLog::MetricsLog(std::filesystem::path path, LastSteps const& last) : path_(std::move(path)) {
    if (std::filesystem::exists(path_)) {
        drop_later_steps(path_, last);
    }
    file_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    if (!file_) {
        fail_errno(ExitCode::kCannotCreate, "cannot open " + path_.string(), errno);
    }
}

void MetricsLog::append(nlohmann::ordered_json const& record) {
    append_all(file_, path_, record.dump() + "\n");
}

}  // namespace ctclip
