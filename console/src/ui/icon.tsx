/** Icons as strokes on a 16-unit square, in the colour of the text beside them. Shape tells states apart, never colour alone. */
const shapes = {
  board: 'M2.5 3.5h11M2.5 8h11M2.5 12.5h7',
  hotel: 'M3 13.5v-11h7v11M10 6.5h3v7M5.2 5h2.6M5.2 7.7h2.6M5.2 10.4h2.6M1.5 13.5h13',
  review: 'M8 2.2 14 8l-6 5.8L2 8zM8 5.4v3.2M8 10.6v.1',
  partner: 'M5.8 3v3M10.2 3v3M3.8 6h8.4v2.2a4.2 4.2 0 0 1-8.4 0zM8 12.4V14',
  moon: 'M13 9.6A5.6 5.6 0 0 1 6.4 3 5.6 5.6 0 1 0 13 9.6z',
  sun: 'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9',
  auto: 'M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11',
  lock: 'M4 7.3h8v6H4zM5.6 7V5.2a2.4 2.4 0 0 1 4.8 0V7',
  search: 'M7 2.8a4.2 4.2 0 1 0 0 8.4 4.2 4.2 0 0 0 0-8.4zM10.2 10.2l3.3 3.3',
  close: 'M4 4l8 8M12 4l-8 8',
  bed: 'M2 12.5v-9M2 10.5h12M14 12.5V8.2H7v2.3M4.4 6.6v0',
  phone: 'M4.8 2h6.4v12H4.8zM7.2 12h1.6',
  card: 'M2 4h12v8H2zM2 6.8h12M4.2 9.8h2.4',
  plane: 'M2.2 10.4l11.6-4.2M6.2 8.9 3.6 5.1h1.5l4.2 2.7M7.4 9.3l1.1 3.4h1.3l.8-4.6',
  signal: 'M2.5 13v-2M6.2 13V8.6M9.8 13V6M13.5 13V3',
  bolt: 'M9 1.8 3.6 9h4L7 14.2 12.4 7h-4z',
  leave: 'M6.5 2.5h-4v11h4M10 5l3 3-3 3M13 8H6',
  chevron: 'M6 3.5 10.5 8 6 12.5',
  check: 'M3 8.4 6.4 12 13 4.6',
  child: 'M8 2.6a1.7 1.7 0 1 0 0 3.4 1.7 1.7 0 0 0 0-3.4zM8 6.2v4M5 7.4l3 .8 3-.8M8 10.2l-2 3.4M8 10.2l2 3.4',
  silent: 'M4.8 2h6.4v12H4.8zM2.5 2.5l11 11',
  assist: 'M7 2.2a1.1 1.1 0 1 0 0 2.2 1.1 1.1 0 0 0 0-2.2zM7 5v4h3.4l1.8 4M6.9 7.6a3.4 3.4 0 1 0 3 4.9',
  group: 'M6 3.2a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM2.4 13c0-2.6 1.5-4 3.6-4s3.6 1.4 3.6 4M10.4 3.6a1.8 1.8 0 0 1 0 3.4M11 9.2c1.6.3 2.6 1.6 2.6 3.8',
  // states
  PENDING: 'M8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3zM8 5.4V8l1.8 1.2',
  PROCESSING: 'M13 8a5 5 0 1 1-2-4M11.2 1.8V4.2H8.8',
  OFFER_READY: 'M2.4 12.6V6.2L8 2.8l5.6 3.4v6.4M5 12.6V9h6v3.6',
  RESOLVED: 'M8 2.6a5.4 5.4 0 1 0 0 10.8A5.4 5.4 0 0 0 8 2.6zM5.5 8.2 7.3 10l3.3-3.8',
  REJECTED_BY_PAX: 'M8 2.6a5.4 5.4 0 1 0 0 10.8A5.4 5.4 0 0 0 8 2.6zM6 6l4 4M10 6l-4 4',
  MANUAL_REVIEW: 'M8 2.4 14 13H2zM8 6.4v3M8 11.2v.1',
  LOCAL_RESIDENT: 'M4 8h8',
  CANCELLED: 'M8 2.6a5.4 5.4 0 1 0 0 10.8A5.4 5.4 0 0 0 8 2.6zM4.4 11.6l7.2-7.2',
} as const

export type IconName = keyof typeof shapes

export function Icon({ name, size = 16, title }: { name: IconName; size?: number; title?: string }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.4}
      strokeLinecap="round"
      strokeLinejoin="round"
      role={title ? 'img' : undefined}
      aria-hidden={title ? undefined : true}
    >
      {title && <title>{title}</title>}
      <path d={shapes[name]} />
    </svg>
  )
}
