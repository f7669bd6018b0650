// For libraries that are loaded and never linked: whether our own declaration of a function says what the library's header
// says. Pointers to their own structs, and enumerations, differ from ours by name only: so the number of arguments is compared,
// the size of each and of what is returned, and which are pointers.
#pragma once

#include <type_traits>

namespace everstep {

template <class Ours, class Theirs>
struct DeclaredAlike : std::false_type {};
template <class R, class S, class... A, class... B>
requires(sizeof...(A) == sizeof...(B)) struct DeclaredAlike<R(A...), S(B...)>
    : std::bool_constant<sizeof(R) == sizeof(S) && ((sizeof(A) == sizeof(B)) && ...) &&
                         ((std::is_pointer_v<A> == std::is_pointer_v<B>)&&...)> {
};

// Of functions or pointers to them.
template <class Ours, class Theirs>
inline constexpr bool kDeclaredAlike = DeclaredAlike<std::remove_pointer_t<Ours>, std::remove_pointer_t<Theirs>>::value;

}  // namespace everstep
