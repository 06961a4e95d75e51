/** The mark of the product. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
      <path class="mark-box" d="M4 7h24v18H4z" />
      <path class="mark-wave" d="M4 17h6l4-6 5 10 3-4h6" />
    </svg>
  );
}
