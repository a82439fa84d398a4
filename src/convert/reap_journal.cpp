#include "convert/reap_journal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "base/machine.hpp"
#include "base/untrusted_json.hpp"

namespace ctclip {
namespace {

std::string line_of(char const* event, ReapRecord const& record) {
    nlohmann::ordered_json const object = {{"event", event},
                                           {"time", utc_now()},
                                           {"source", record.source_path},
                                           {"size", record.size_bytes},
                                           {"crc32c", fmt::format("{:08x}", record.crc32c)},
                                           {"shard", record.shard_name},
                                           {"shard_fsverity_sha256", record.shard_fsverity_sha256},
                                           {"key", record.key}};
    return object.dump() + "\n";
}

}  // namespace

ReapJournal::ReapJournal(std::filesystem::path const& folder) : path_(folder / kReapJournalName) {
    if (!std::filesystem::exists(path_)) {
        return;
    }
    std::string const text = read_text_file(path_);
    whole_bytes_ = text.rfind('\n') + 1;  // npos + 1 is 0
    std::string_view rest = std::string_view(text).substr(0, whole_bytes_);
    for (std::size_t number = 1; !rest.empty(); ++number) {
        std::string const where = fmt::format("{}: line {}", path_.string(), number);
        std::size_t const end = rest.find('\n');
        nlohmann::json const object = parse_untrusted_json(rest.substr(0, end), where);
        rest.remove_prefix(end + 1);
        bool const is_record =
            object.is_object() && object.contains("source") && object["source"].is_string();
        require(is_record, ExitCode::kBadInput, "{} is no record of a deletion", where);
        announced_.insert(object["source"].get<std::string>());
    }
}

void ReapJournal::open_for_appending() {
    file_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (!file_) {
        fail_errno(ExitCode::kCannotCreate, "cannot open " + path_.string(), errno);
    }
    if (::ftruncate(file_.get(), static_cast<off_t>(whole_bytes_)) != 0) {
        fail_errno(ExitCode::kIoError, "cannot cut the torn last line of " + path_.string(), errno);
    }
    sync_folder(path_.parent_path());
}

void ReapJournal::append(char const* event, std::vector<ReapRecord> const& records) {
    if (!file_) {
        open_for_appending();
    }
    std::string lines;
    for (ReapRecord const& record : records) {
        lines += line_of(event, record);
        announced_.insert(record.source_path);
    }
    append_all(file_, path_, lines);
    if (::fsync(file_.get()) != 0) {
        fail_errno(ExitCode::kIoError, "cannot sync " + path_.string(), errno);
    }
}

}  // namespace ctclip
