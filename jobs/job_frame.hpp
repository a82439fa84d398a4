/// What all jobs share: options, MPI session, banner, signals, exception boundary, exit codes. A job's main
/// is
///
///     int main(int argc, char** argv) {
///         ConvertOptions options;
///         return run_job(argc, argv, {"ctclip-convert", "NPZ volumes and CSVs -> shards", {{...}}},
///                        [&](Schema& schema) { options.bind(schema); },
///                        [&](JobContext& job) { convert(options, job.communicator()); });
///     }
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/progress.hpp"
#include "base/stop_signal.hpp"
#include "config/command_line.hpp"
#include "config/schema.hpp"
#include "dist/communicator.hpp"

namespace ctclip {

class MpiSession;
class Watchdog;
struct IdleLimit;

using JobDescription = HelpText;

class JobContext {
  public:
    JobContext(MpiSession& session, Schema const& schema, bool is_dry_run, ProgressStyle progress_style);
    JobContext(JobContext const&) = delete;
    JobContext& operator=(JobContext const&) = delete;
    ~JobContext();

    MpiSession& session() const noexcept { return session_; }
    /// Over all ranks, host memory.
    Communicator& communicator() const noexcept;
    int rank() const noexcept { return communicator().rank(); }
    Schema const& schema() const noexcept {
        return schema_;
    }  ///< resolved; dump_yaml() goes into the run folder
    /// `--dry-run`: check inputs, space and world, say what would be done, write nothing.
    bool is_dry_run() const noexcept { return is_dry_run_; }
    /// This rank got a stop signal. Ranks must agree before they act on it; then save and throw Stopped on
    /// all.
    bool stop_requested() const noexcept { return ctclip::stop_requested(); }
    /// Text to stdout, from rank 0 only.
    void write(std::string_view text) const;
    /// Collective. From now until the job ends, a rank that dies or gets no further ends it with kTryAgain and
    /// its name (mpi/watchdog.hpp). Nothing is watched in a dry run, nor with a limit.step_s of 0.
    void watch(IdleLimit const& limit);
    /// Null before watch().
    Watchdog* watchdog() const noexcept { return watchdog_.get(); }
    /// Shown by rank 0 only.
    Progress progress(std::string what, std::string unit, std::int64_t total) const;

  private:
    MpiSession& session_;
    Schema const& schema_;
    bool is_dry_run_;
    ProgressStyle progress_style_;
    std::unique_ptr<Watchdog> watchdog_;
};

/// Returns the exit code, the same on every rank. Everything wrong with options and configuration is found
/// before `body` starts and is printed once. An Error thrown by `body` on some ranks only ends all ranks
/// through MPI_Abort (the others may be waiting in a collective for ever); thrown on all, it is printed once.
/// No rank ends the job while a watched rank 0 ends a save.
int run_job(int argc, char** argv, JobDescription const& description,
            std::function<void(Schema&)> const& bind, std::function<void(JobContext&)> const& body);

}  // namespace ctclip
