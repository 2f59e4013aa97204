#pragma once

#include <filesystem>
#include <string>

namespace luban::fuzz {

/// What an input is given to. Each ends in an answer or in a core::Error; anything else is a finding.
/// A history file: verified, opened, every column read by readings and by runs, at two times, the content taken.
void read_history(const std::filesystem::path& path);
/// A stored chunk, for a pipeline of filters and a size that its first bytes choose.
void decode(const std::string& bytes);
/// JSON: what is read is written, and reads the same again.
void parse_json(const std::string& text);

}  // namespace luban::fuzz
