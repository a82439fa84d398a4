#include "convert/reap.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.hpp"
#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/output_lock.hpp"
#include "base/printable.hpp"
#include "convert/convert_plan.hpp"
#include "convert/output_folder.hpp"
#include "convert/reap_journal.hpp"
#include "convert/source_check.hpp"
#include "shard/shard_writer.hpp"
#include "zip/zip_directory.hpp"

namespace ctclip {
namespace {

namespace fs = std::filesystem;

/// A source that was compared, and how the file looked then.
struct ProvenSource {
    ReapRecord record;
    fs::path path;
    struct stat status {};
};

ConvertPlan read_plan(fs::path const& shards) {
    fs::path const path = plan_path(shards);
    require(fs::exists(path), ExitCode::kBadInput,
            "{} has no {} (only what ctclip-convert converted can be compared with its sources)",
            shards.string(), path.filename().string());
    return ConvertPlan::parse(read_text_file(path), path.string());
}

struct stat status_of(fs::path const& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
        fail_errno(ExitCode::kIoError, "cannot stat " + path.string(), errno);
    }
    return status;
}

bool is_same_file(struct stat const& a, struct stat const& b) {
    auto const is_same_time = [](timespec const& x, timespec const& y) {
        return x.tv_sec == y.tv_sec && x.tv_nsec == y.tv_nsec;
    };
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
           a.st_nlink == b.st_nlink && is_same_time(a.st_mtim, b.st_mtim) &&
           is_same_time(a.st_ctim, b.st_ctim);
}

class Reaper {
  public:
    Reaper(ReapOptions const& options, ReapEnvironment const& environment)
        : options_(options),
          environment_(environment),
          lock_(options.shards, "ctclip-shard reap"),
          plan_(read_plan(options.shards)),
          plan_sha256_(plan_.sha256()),
          journal_(options.shards),
          check_(options.sources, environment.preprocess) {
        require(fs::is_directory(options.sources), ExitCode::kBadInput, "{}: no such folder (--sources)",
                options.sources.string());
    }

    ReapReport run() {
        choose_shards();
        require(!options_.confirm || *options_.confirm == report_.confirmation_word, ExitCode::kUsage,
                "'{}' does not confirm what is in {} now. Run without --confirm: it checks everything and "
                "says the word",
                options_.confirm.value_or(""), options_.shards.string());
        Progress progress = environment_.progress(options_.confirm ? "reap" : "prove", "shards",
                                                  static_cast<std::int64_t>(shards_.size()));
        for (PlannedShard const& shard : shards_) {
            std::vector<ProvenSource> const sources = prove(shard);
            if (options_.confirm && !sources.empty()) {
                remove(sources);
            }
            ++report_.num_shards;
            progress.advance(1);
        }
        progress.finish();
        return report_;
    }

  private:
    fs::path path_of(PlannedShard const& shard) const {
        return options_.shards / shard_name(shard.shard_index);
    }

    /// The word stands for these shards and this plan: whatever changes them makes another one.
    void choose_shards() {
        std::string state = plan_sha256_;
        for (PlannedShard const& shard : plan_.shards()) {
            if (fs::exists(path_of(shard))) {
                state += " " + shard_name(shard.shard_index) + " " + read_sidecar(path_of(shard)).fsverity_sha256;
                shards_.push_back(shard);
            } else {
                ++report_.num_unfinished;
            }
        }
        require(!shards_.empty(), ExitCode::kBadInput, "{}: no shard is finished yet",
                options_.shards.string());
        report_.confirmation_word = "delete-" + sha256_hex(state).substr(0, 8);
    }

    /// The sources of a shard that may go. @throws Error kBadInput if one of them may not.
    std::vector<ProvenSource> prove(PlannedShard const& shard) {
        fs::path const path = path_of(shard);
        sync_and_drop_cache(path);
        sync_and_drop_cache(sidecar_path(path));
        sync_folder(options_.shards);
        ShardSidecar const sidecar = read_finished(path, plan_, shard, plan_sha256_);
        ShardReader const reader(path);
        std::vector<ProvenSource> proven;
        for (SidecarSample const& sample : sidecar.samples) {
            if (auto source = prove(reader, sidecar, sample)) {
                proven.push_back(std::move(*source));
            }
        }
        return proven;
    }

    /// Nothing if an earlier run deleted it.
    std::optional<ProvenSource> prove(ShardReader const& reader, ShardSidecar const& sidecar,
                                      SidecarSample const& sample) {
        ConversionRecord const& conversion = *sample.conversion;
        fs::path const path = check_.path_of(conversion);
        if (!fs::exists(fs::symlink_status(path)) && journal_.has_announced(conversion.source_path)) {
            ++report_.num_gone;
            return std::nullopt;
        }
        require(fs::exists(fs::symlink_status(path)), ExitCode::kBadInput,
                "{} is gone, and {} does not say that it was deleted here. Check --sources", path.string(),
                kReapJournalName);
        ProvenSource source;
        source.path = path;
        source.status = status_of(path);
        require_deletable(source);
        require_nothing_else_in(path);
        check_.check(reader, sample);
        require_unchanged(source);
        source.record = {conversion.source_path,   conversion.source_size_bytes,
                         conversion.source_crc32c, sidecar.shard_name,
                         sidecar.fsverity_sha256, sample.sample.key};
        ++report_.num_sources;
        report_.num_rounded_voxels += conversion.ledger.num_inexact;
        report_.num_saturated_voxels += conversion.ledger.num_out_of_range;
        report_.worst_abs_error = std::max(report_.worst_abs_error, conversion.ledger.worst_abs_error);
        report_.num_resampled += reader.read_metadata(sample.sample).layout == VolumeLayout::kPreprocessed ? 1 : 0;
        report_.source_bytes += conversion.source_size_bytes;
        return source;
    }

    void require_deletable(ProvenSource const& source) const {
        require(S_ISREG(source.status.st_mode), ExitCode::kBadInput,
                "{} is no regular file (a link would be deleted instead of the data)", source.path.string());
        require(source.status.st_nlink == 1, ExitCode::kBadInput,
                "{} has {} names (hard links): deleting one would free nothing", source.path.string(),
                source.status.st_nlink);
        fs::path const inside =
            fs::canonical(source.path.parent_path()).lexically_relative(fs::canonical(options_.sources));
        require(!inside.empty() && *inside.begin() != "..", ExitCode::kBadInput,
                "{} lies outside {} (behind a linked folder)", source.path.string(),
                options_.sources.string());
    }

    /// Arrays that were not converted would be lost.
    static void require_nothing_else_in(fs::path const& path) {
        if (is_nifti(path)) {
            return;
        }
        FileDescriptor const file = open_for_reading(path);
        std::vector<ZipMember> const members = read_zip_directory(file, path, file_size_bytes(file, path));
        std::vector<std::string> names;
        std::ranges::transform(members, std::back_inserter(names),
                               [](ZipMember const& member) { return printable(member.name); });
        require(
            members.size() == 1, ExitCode::kBadInput,
            "{} holds {} arrays ({}), of which its shard has one: deleting it would lose the others. Keep it, or move "
            "them into files of their own",
            path.string(), members.size(), fmt::join(names, ", "));
    }

    static void require_unchanged(ProvenSource const& source) {
        require(is_same_file(status_of(source.path), source.status), ExitCode::kBadInput,
                "{} changed since it was compared with its shard", source.path.string());
    }

    void remove(std::vector<ProvenSource> const& sources) {
        std::vector<ReapRecord> records;
        std::set<fs::path> folders;
        for (ProvenSource const& source : sources) {
            records.push_back(source.record);
            folders.insert(source.path.parent_path());
        }
        lock_.require_held();
        journal_.announce(records);
        for (ProvenSource const& source : sources) {
            require_unchanged(source);
            if (::unlink(source.path.c_str()) != 0) {
                fail_errno(ExitCode::kIoError, "cannot delete " + source.path.string(), errno);
            }
        }
        std::ranges::for_each(folders, sync_folder);
        journal_.confirm(records);
    }

    ReapOptions const& options_;
    ReapEnvironment const& environment_;
    OutputLock lock_;
    ConvertPlan plan_;
    std::string plan_sha256_;
    ReapJournal journal_;
    SourceCheck check_;
    std::vector<PlannedShard> shards_;  ///< those that are finished
    ReapReport report_;
};

}  // namespace

ReapReport reap(ReapOptions const& options, ReapEnvironment const& environment) {
    require(fs::is_directory(options.shards), ExitCode::kBadInput, "{}: no such folder",
            options.shards.string());
    return Reaper(options, environment).run();
}

}  // namespace ctclip
