/**
 * Writes the TypeScript beside each `.graphql` file: the text of every operation with the fragments it needs, and the types of
 * its answer and variables, read off the printed operator contract. Promises that a document the contract refuses is an error
 * here, before a browser sees it. Unions need `__typename`, so that the answer can be told apart.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import {
  type DocumentNode, type FragmentDefinitionNode, type GraphQLCompositeType, type GraphQLInputType, type GraphQLOutputType,
  type GraphQLSchema, type OperationDefinitionNode, type SelectionSetNode, type TypeNode,
  Kind, buildSchema, getNamedType, isAbstractType, isCompositeType, isEnumType, isInputObjectType, isListType, isNonNullType, isObjectType,
  isUnionType, parse, print, typeFromAST, validate, visit,
} from 'graphql'

export interface Source {
  path: string
  text: string
}

const scalars: Record<string, string> = { String: 'string', ID: 'string', Int: 'number', Float: 'number', Boolean: 'boolean' }
const header = '// Written by `npm run generate` from the .graphql files and the printed contract.\n'

/** What a gateway serves, as printed; every document and the fake are held against this very file. */
export const contract = (audience: 'operator' | 'passenger'): GraphQLSchema =>
  buildSchema(readFileSync(resolve(import.meta.dirname, `../../schema/printed/${audience}.graphql`), 'utf8'))

/** The TypeScript for one `.graphql` file. Throws with every error the contract has to say. */
export function generate(schema: GraphQLSchema, source: Source): string {
  const up = '../'.repeat(source.path.split('/').length - 2)
  return `${header}import type { Document } from '${up || './'}api/document'\n\n${declarations(schema, source, true)}`
}

/** Only the types of trusted documents: their text stays with the server, and the page asks by their id. */
export function generateTypes(schema: GraphQLSchema, sources: readonly Source[]): string {
  const all = sources.map((source) => declarations(schema, source, false)).join('\n')
  const once = new Map([...all.matchAll(/^export type (\w+) = '.*\n\n?/gm)].map(([text, name]) => [name, text]))
  const shapes = all.replaceAll(/^export type (\w+) = '.*\n\n?/gm, '')
  return `${header}${shapes.trimEnd()}\n\n${[...once.values()].join('\n')}`.trimEnd() + '\n'
}

function declarations(schema: GraphQLSchema, source: Source, withText: boolean): string {
  const document = parse(source.text)
  const errors = validate(schema, document)
  if (errors.length > 0) throw new Error(`${source.path}: ${errors.map((error) => error.message).join(' · ')}`)
  const writer = new Writer(schema, document)
  // Fragments first: their texts are constants that the operations are put together from.
  const definitions = [...document.definitions].sort((a, b) => Number(b.kind === Kind.FRAGMENT_DEFINITION) - Number(a.kind === Kind.FRAGMENT_DEFINITION))
  const parts = definitions.map((definition) => {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) return writer.fragment(definition, withText)
    if (definition.kind === Kind.OPERATION_DEFINITION) return writer.operation(definition, withText)
    throw new Error(`${source.path}: ${definition.kind} has no place here`)
  })
  const inputs: string[] = []
  for (const name of writer.inputs) inputs.push(writer.input(name)) // a set in the making: an input met on the way is written too
  const enums = [...writer.enums].sort().map((name) => writer.enumeration(name))
  return [...parts, ...inputs, ...enums].join('\n').trimEnd() + '\n'
}

const textOf = (fragment: FragmentDefinitionNode): string => `${fragment.name.value.charAt(0).toLowerCase()}${fragment.name.value.slice(1)}Text`

/** An interface where the shape is one; what is made of fragments is an alias. */
const declare = (name: string, shape: string): string => (shape.startsWith('{') && !shape.includes('\n} &') ? `export interface ${name} ${shape}\n` : `export type ${name} = ${shape}\n`)

class Writer {
  readonly enums = new Set<string>()
  readonly inputs = new Set<string>()
  private readonly fragments = new Map<string, FragmentDefinitionNode>()

  constructor(private readonly schema: GraphQLSchema, document: DocumentNode) {
    for (const one of document.definitions) if (one.kind === Kind.FRAGMENT_DEFINITION) this.fragments.set(one.name.value, one)
  }

  fragment(node: FragmentDefinitionNode, withText: boolean): string {
    const type = this.schema.getType(node.typeCondition.name.value) as GraphQLCompositeType
    const shape = declare(node.name.value, this.object(type, node.selectionSet, ''))
    return withText ? `${shape}\nconst ${textOf(node)} = \`${print(node)}\`\n` : shape
  }

  operation(node: OperationDefinitionNode, withText: boolean): string {
    const name = node.name?.value
    if (!name) throw new Error('an operation needs a name')
    const root = this.schema.getRootType(node.operation)!
    const data = declare(`${name}Data`, this.object(root, node.selectionSet, ''))
    const variables = (node.variableDefinitions ?? []).map((one) => {
      const type = typeFromAST(this.schema, one.type as TypeNode as never) as GraphQLInputType
      return `  ${one.variable.name.value}${isNonNullType(type) ? '' : '?'}: ${this.inputType(type)}\n`
    })
    const shape = variables.length > 0 ? `{\n${variables.join('')}}` : 'Record<string, never>'
    if (!withText) return `${data}\nexport type ${name}Variables = ${shape}\n`
    const text = [print(node), ...this.needed(node.selectionSet).map((one) => `\${${textOf(one)}}`)].join('\n\n')
    const constant = name.charAt(0).toLowerCase() + name.slice(1)
    return [
      data,
      `export type ${name}Variables = ${shape}\n`,
      `export const ${constant}: Document<${name}Data, ${name}Variables> = {`,
      `  name: '${name}',\n  text: \`${text}\`,\n}\n`,
    ].join('\n')
  }

  enumeration(name: string): string {
    const type = this.schema.getType(name)
    const values = isEnumType(type) ? type.getValues().map((value) => `'${value.name}'`) : []
    return `export type ${name} = ${values.join(' | ')}\n`
  }

  input(name: string): string {
    const type = this.schema.getType(name)
    if (!isInputObjectType(type)) throw new Error(`${name} is no input`)
    const fields = Object.values(type.getFields()).map((field) => `  ${field.name}${isNonNullType(field.type) ? '' : '?'}: ${this.inputType(field.type)}\n`)
    return `export interface ${name} {\n${fields.join('')}}\n`
  }

  /** The fragments a selection reaches, each once, in a stable order. */
  private needed(selection: SelectionSetNode, found = new Map<string, FragmentDefinitionNode>()): FragmentDefinitionNode[] {
    visit(selection, {
      FragmentSpread: ({ name }) => {
        const fragment = this.fragments.get(name.value)
        if (!fragment || found.has(name.value)) return
        found.set(name.value, fragment)
        this.needed(fragment.selectionSet, found)
      },
    })
    return [...found.values()]
  }

  private object(type: GraphQLCompositeType, selection: SelectionSetNode, indent: string): string {
    const lines: string[] = []
    for (const one of selection.selections) {
      if (one.kind !== Kind.FIELD) continue
      const name = one.alias?.value ?? one.name.value
      lines.push(`${indent}  ${name}: ${this.fieldType(type, one.name.value, one.selectionSet, `${indent}  `)}\n`)
    }
    const own = `{\n${lines.join('')}${indent}}`
    const spreads = selection.selections.flatMap((one) => (one.kind === Kind.FRAGMENT_SPREAD ? [one.name.value] : []))
    return spreads.length === 0 ? own : [...spreads, ...(lines.length > 0 ? [own] : [])].join(' & ')
  }

  private fieldType(parent: GraphQLCompositeType, field: string, selection: SelectionSetNode | undefined, indent: string): string {
    if (field === '__typename') return `'${parent.name}'`
    if (isUnionType(parent)) throw new Error(`${field} cannot be asked of ${parent.name}`)
    const type = parent.getFields()[field]!.type
    return this.outputType(type, selection, indent)
  }

  private outputType(type: GraphQLOutputType, selection: SelectionSetNode | undefined, indent: string): string {
    if (!isNonNullType(type)) return `${this.certain(type, selection, indent)} | null`
    return this.certain(type.ofType as GraphQLOutputType, selection, indent)
  }

  private certain(type: GraphQLOutputType, selection: SelectionSetNode | undefined, indent: string): string {
    if (isListType(type)) {
      const inner = this.outputType(type.ofType as GraphQLOutputType, selection, indent)
      return /^\w+$/.test(inner) ? `${inner}[]` : `Array<${inner}>`
    }
    const named = getNamedType(type)
    if (isCompositeType(named) && selection) {
      return isAbstractType(named) ? this.alternatives(named.name, selection, indent) : this.object(named, selection, indent)
    }
    return this.scalar(named.name)
  }

  /** A union: one shape per member asked for, and one that stands for the members nobody named. */
  private alternatives(name: string, selection: SelectionSetNode, indent: string): string {
    const inline = selection.selections.flatMap((one) => (one.kind === Kind.INLINE_FRAGMENT ? [one] : []))
    const asked = inline.map((one) => {
      const type = this.schema.getType(one.typeCondition!.name.value)
      if (!isObjectType(type)) throw new Error(`${name}: say the member's own type`)
      const shape = this.object(type, one.selectionSet, indent)
      return shape.startsWith('{') ? shape.replace('{\n', `{\n${indent}  __typename: '${type.name}'\n`) : `{ __typename: '${type.name}' } & ${shape}`
    })
    return asked.join(' | ')
  }

  private scalar(name: string): string {
    const type = this.schema.getType(name)
    if (isEnumType(type)) this.enums.add(name)
    return isEnumType(type) ? name : (scalars[name] ?? 'string')
  }

  private inputType(type: GraphQLInputType): string {
    if (!isNonNullType(type)) return `${this.certainInput(type)} | null`
    return this.certainInput(type.ofType as GraphQLInputType)
  }

  private certainInput(type: GraphQLInputType): string {
    if (isListType(type)) {
      const inner = this.inputType(type.ofType as GraphQLInputType)
      return /^\w+$/.test(inner) ? `${inner}[]` : `Array<${inner}>`
    }
    const named = getNamedType(type)
    if (!isInputObjectType(named)) return this.scalar(named.name)
    this.inputs.add(named.name)
    return named.name
  }
}
