#include "train/start_check.hpp"

#include <algorithm>
#include <vector>

#include "base/byte_units.hpp"
#include "base/error.hpp"
#include "base/machine.hpp"
#include "base/output_folder.hpp"
#include "base/output_lock.hpp"
#include "base/room.hpp"
#include "checkpoint/checkpoint_store.hpp"
#include "dist/gather_bytes.hpp"
#include "train/run_folder.hpp"

namespace ctclip {

std::int64_t most_checkpoints(CheckpointOptions const& options) {
    return options.keep_last_n + (options.save_best ? 1 : 0) + 1;
}

void require_room_for_files(TrainOptions const& options, double checkpoint_bytes) {
    std::filesystem::path const checkpoints = checkpoint_folder(options);
    require_new_or_resumable(options);
    require_creatable(options.run.dir);
    require_creatable(checkpoints);
    OutputLock::require_free(options.run.dir);
    double present_bytes = 0.0;
    for (CheckpointEntry const& entry : list_checkpoints(checkpoints)) {
        present_bytes += static_cast<double>(std::filesystem::file_size(entry.path));
    }
    double const total_bytes = static_cast<double>(most_checkpoints(options.checkpoint)) * checkpoint_bytes;
    require_free_space(checkpoints, std::max(0.0, total_bytes - present_bytes));
}

void require_room_in_memory(double needed_bytes, Communicator& host) {
    std::vector<std::string> const hosts = gather_bytes(host_name(), host);
    std::vector<double> needs(hosts.size());
    host.all_gather(&needed_bytes, needs.data(), sizeof needed_bytes);
    std::string const& mine = hosts[static_cast<std::size_t>(host.rank())];
    double together_bytes = 0.0;
    for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
        together_bytes += hosts[rank] == mine ? needs[rank] : 0.0;
    }
    auto const available_bytes = static_cast<double>(available_memory_bytes());
    require(together_bytes <= available_bytes || available_bytes == 0.0, ExitCode::kBadConfig,
            "{}: the ranks here ({}) need at least {:.1f} GiB of memory, activations left out, but {:.1f} GiB are "
            "available. Lower data.prefetch_factor, data.batch_size or data.num_workers, or start fewer ranks a host",
            mine, std::ranges::count(hosts, mine), together_bytes / kBytesPerGiB, available_bytes / kBytesPerGiB);
}

}  // namespace ctclip
