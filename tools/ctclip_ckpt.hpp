/// The subcommands of ctclip-ckpt, one file each.
#pragma once

#include "tools/tool_frame.hpp"

namespace ctclip {

ToolCommand ckpt_ls_command();
ToolCommand ckpt_show_command();
ToolCommand ckpt_verify_command();
ToolCommand ckpt_diff_command();
ToolCommand ckpt_history_command();
ToolCommand ckpt_import_command();
ToolCommand ckpt_export_command();

}  // namespace ctclip
