/** The mark: an N that is also a way out and up. */
export function Mark({ size = 20 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" strokeWidth={2.4} strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <rect width="24" height="24" rx="6" fill="#0b3a5b" />
      <path stroke="#7fd4ff" d="M6.5 17V7l11 10V7" />
    </svg>
  )
}
