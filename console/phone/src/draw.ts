/** Draws the page. No framework: one tree per state, and the element that had the focus gets it back by its name. */
import type { Page, View } from './page'
import type { Choice, Trip } from './store'
import { clock, dayAndTime, meals, money, nights } from './words'

type Child = Node | string | null | false

function h(tag: string, props: Record<string, string | (() => void)>, ...children: Child[]): HTMLElement {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function') element.addEventListener(name, value)
    else element.setAttribute(name, value)
  }
  element.append(...children.filter((child): child is Node | string => child !== null && child !== false))
  return element
}

export function draw(root: HTMLElement, view: View, page: Page): void {
  const focused = (document.activeElement as HTMLElement | null)?.dataset?.name
  root.replaceChildren(...parts(view, page).filter((part): part is HTMLElement => part !== null))
  const target = view.confirming ? 'confirm' : focused
  if (target) root.querySelector<HTMLElement>(`[data-name='${target}']`)?.focus()
}

function parts(view: View, page: Page): Array<HTMLElement | null> {
  const trip = view.copy?.trip
  if (!trip) return [view.trouble ? troubleOnly(view) : h('p', { class: 'calm', role: 'status' }, 'Fetching your trip…')]
  return [header(trip), strip(view), status(trip, view), trip.offer && room(trip.offer, trip), next(trip), help(trip), answers(trip, view, page)]
}

function troubleOnly(view: View): HTMLElement {
  const [title, words] = {
    'link ended': ['This link has been used or has ended', 'A link opens your trip once, on one phone. Please go to the airline’s desk; the staff see your trip there.'],
    'signed out': ['Please open the link from your message', 'This page shows your trip after you open the link we sent you. If you have lost it, go to the airline’s desk.'],
    offline: ['No connection', 'We cannot reach your trip right now. This page keeps trying by itself.'],
  }[view.trouble ?? 'offline']
  return h('section', { class: 'alone', role: 'alert' }, h('h1', {}, title!), h('p', {}, words!))
}

function header(trip: Trip): HTMLElement {
  return h(
    'header', {},
    h('p', { class: 'flight' }, `Flight ${trip.disruptedFlight}, ${trip.origin} to ${trip.destination}, ${dayAndTime(trip.scheduledDeparture)}`),
    h('h1', {}, headline(trip)),
    h('p', { class: 'name' }, `For ${trip.leadName}`),
  )
}

function headline(trip: Trip): string {
  return {
    PENDING: 'Finding you a room', PROCESSING: 'Arranging your room', OFFER_READY: 'A hotel room for you', RESOLVED: 'All set',
    REJECTED_BY_PAX: 'Room declined', MANUAL_REVIEW: 'Our staff are on it', LOCAL_RESIDENT: 'You fly again soon', CANCELLED: 'Closed',
  }[trip.status]
}

/** As of when this is true; the only thing that says a copy is old. */
function strip({ trouble, copy }: View): HTMLElement | null {
  if (!trouble) return null
  const words = trouble === 'signed out' ? 'Your sign-in ended. Open the newest link to update.' : 'No connection. We keep trying.'
  return h('p', { class: 'strip', role: 'status' }, `${words} Shown as of ${clock(copy!.asOf)}.`)
}

function status(trip: Trip, view: View): HTMLElement {
  return h('section', { class: 'status', 'aria-live': 'polite' }, view.notice && h('p', { class: 'notice' }, view.notice), h('p', {}, words(trip, view)))
}

function words(trip: Trip, { answer, trouble }: View): string {
  if (!answer) return trip.message
  const said = answer.choice === 'accept' ? 'You accepted the room' : 'You declined the room'
  if (answer.acknowledged === null) return trouble ? `${said}. Your answer is kept and will be sent as soon as we are reached.` : `${said}. Sending your answer.`
  return `${said}. We have your answer; this page updates in a moment.`
}

function room(offer: NonNullable<Trip['offer']>, trip: Trip): HTMLElement {
  const place = `https://www.openstreetmap.org/search?query=${encodeURIComponent(`${offer.hotelName}, ${offer.hotelAddress}`)}`
  return h(
    'section', { class: 'room' },
    h('h2', {}, offer.hotelName),
    h('p', {}, h('a', { href: place, rel: 'noreferrer' }, offer.hotelAddress)),
    offer.hotelPhone && h('p', {}, h('a', { href: `tel:${offer.hotelPhone.replaceAll(/[^+\d]/g, '')}` }, offer.hotelPhone)),
    facts([
      ['Stay', nights(offer.checkIn, offer.checkOut)],
      ['Rooms', String(offer.rooms)],
      ['Meals', meals(offer.board)],
      ['Confirmation', offer.confirmation],
    ]),
    trip.status === 'REJECTED_BY_PAX' ? null : h('figure', {}, qr(offer), h('figcaption', {}, 'Show this code at the hotel')),
    offer.card && card(offer.card),
  )
}

function card(one: NonNullable<NonNullable<Trip['offer']>['card']>): HTMLElement {
  return h(
    'div', { class: 'card' },
    h('h3', {}, 'Meal card'),
    h('p', {}, h('b', {}, money(one.amount)), ` on the card ending ${one.lastFour}`),
    one.revealUrl && h('a', { href: one.revealUrl, class: 'button', rel: 'noreferrer' }, 'Show card number'),
  )
}

function qr(offer: { qr: string; qrSide: number }): SVGElement {
  const space = 'http://www.w3.org/2000/svg'
  const svg = document.createElementNS(space, 'svg')
  svg.setAttribute('viewBox', `0 0 ${offer.qrSide} ${offer.qrSide}`)
  svg.setAttribute('role', 'img')
  svg.setAttribute('aria-label', 'QR code of your reservation')
  const path = document.createElementNS(space, 'path')
  path.setAttribute('d', offer.qr)
  svg.append(path)
  return svg
}

function next(trip: Trip): HTMLElement | null {
  const flight = trip.nextFlight
  if (!flight) return null
  return h(
    'section', { class: 'next' },
    h('h2', {}, 'Your next flight'),
    facts([
      ['Flight', flight.flightNumber],
      ['From', `${flight.origin} to ${flight.destination}`],
      ['Departs', dayAndTime(flight.departs)],
    ]),
  )
}

const help = (trip: Trip): HTMLElement => h('footer', {}, `Need help? Please contact ${trip.contact}.`)

function facts(rows: Array<[string, string]>): HTMLElement {
  return h('dl', {}, ...rows.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))))
}

function answers(trip: Trip, view: View, page: Page): HTMLElement | null {
  if (!trip.mayAnswer || view.answer) return null
  if (view.confirming) return confirmation(view.confirming, page)
  const button = (choice: Choice, label: string): HTMLElement =>
    h('button', { type: 'button', class: choice, 'data-name': choice, click: () => page.choose(choice) }, label)
  return h('div', { class: 'answers' }, button('accept', 'Accept the room'), button('decline', 'Decline'))
}

function confirmation(choice: Choice, page: Page): HTMLElement {
  const question = choice === 'accept' ? 'Take this room?' : 'Give this room back? Your room and meal card are released and our staff will contact you.'
  return h(
    'div', { class: 'answers confirming', role: 'group', 'aria-label': question },
    h('p', {}, question),
    h('button', { type: 'button', class: choice, 'data-name': 'confirm', click: () => void page.confirm() }, choice === 'accept' ? 'Yes, accept' : 'Yes, decline'),
    h('button', { type: 'button', class: 'plain', 'data-name': 'keep', click: () => page.choose(null) }, 'Go back'),
  )
}
