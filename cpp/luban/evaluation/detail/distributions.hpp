#pragma once

namespace luban::evaluation::detail {

/// Half-width, in standard deviations, of the central interval of probability `level` of a normal distribution.
[[nodiscard]] double normal_half_width(double level);
/// The same of Student's t with a whole number of degrees of freedom.
[[nodiscard]] double student_half_width(double level, long degrees_of_freedom);

}  // namespace luban::evaluation::detail
